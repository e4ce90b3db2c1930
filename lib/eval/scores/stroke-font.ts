/**
 * Text as lines, for pictures that are drawn on machines without a single font. A letter is drawn on a grid, 4 wide and 6
 * high above its base line, in strokes of a pen with a round tip.
 */

/** Units between the tops of letters and their base line, and below it. */
export const [ASCENT, DESCENT] = [6, 2];
/** Units between two letters. */
const GAP = 1.6;
/** Of digits, and of signs among them: columns of numbers stand one below the other. */
const DIGIT_WIDTH = 4;
const SPACE_WIDTH = 2;

/** Strokes are split by `|`; each is a list of points: two digits, from the left and from the top. */
const GLYPHS: Readonly<Record<string, string>> = {
  '!': '2024|26',
  '"': '1012|3032',
  '#': '1016|3036|0242|0444',
  $: '413010010213334445361605|2026',
  '%': '0010110100|0640|3545463635',
  '&': '46111020310305162644',
  "'": '2022',
  '(': '30212536',
  ')': '10212516',
  '*': '2125|0244|0442',
  '+': '2125|0343',
  ',': '2617',
  '-': '1333',
  '.': '26',
  '/': '0640',
  '0': '103041453616050110',
  '1': '112026|1636',
  '2': '01103041420646',
  '3': '0110304142334445361605|1333',
  '4': '36300444',
  '5': '400003334445361605',
  '6': '413010010516364544331304',
  '7': '004016',
  '8': '103041423313020110|1304051636454433',
  '9': '051636454130100102133342',
  ':': '22|26',
  ';': '22|2617',
  '<': '410345',
  '=': '0242|0444',
  '>': '014305',
  '?': '01103041422324|26',
  '@': '33232232434130100105163646',
  A: '062046|1434',
  B: '060030414233|0333|3344453606',
  C: '4130100105163645',
  D: '06003041453606',
  E: '40000646|0333',
  F: '400006|0333',
  G: '41301001051636454323',
  H: '0006|4046|0343',
  I: '1030|2026|1636',
  J: '4045361605',
  K: '0006|4004|2246',
  L: '000646',
  M: '0600234046',
  N: '06004640',
  O: '104051554616050110',
  P: '06003041423303',
  Q: '104051554616050110|3456',
  R: '06003041423303|2346',
  S: '413010010213334445361605',
  T: '0040|2026',
  U: '000516364540',
  V: '002640',
  W: '0016233640',
  X: '0046|4006',
  Y: '002340|2326',
  Z: '00400646',
  '[': '30202636',
  '\\': '0046',
  ']': '10202616',
  '^': '022042',
  _: '0747',
  '`': '1021',
  a: '12324346|441405163645',
  b: '0006|0312324345361605',
  c: '4332120305163645',
  d: '4046|4332120305163645',
  e: '04444332120305163645',
  f: '40302126|1242',
  g: '4247381807|4332120305163645',
  h: '0006|0312324346',
  i: '2226|20',
  j: '32372818|30',
  k: '0006|4204|2346',
  l: '202536',
  m: '0206|03122326|23324346',
  n: '0206|0312324346',
  o: '123243453616050312',
  p: '0208|0312324345361605',
  q: '4248|4332120305163645',
  r: '0206|03123243',
  s: '43321203143445361605',
  t: '20253646|1242',
  u: '0205163645|4246',
  v: '022642',
  w: '0216233642',
  x: '0246|4206',
  y: '0226|4218',
  z: '02420646',
  '{': '30212213242536',
  '|': '2027',
  '}': '10212233242516',
  '~': '03123342',
};
/** Of a letter that is none of them. */
const UNKNOWN = '0040460600';
const LIKE: Readonly<Record<string, string>> = {
  '\u2013': '-',
  '\u2014': '-',
  '\u2212': '-',
  '\u2018': "'",
  '\u2019': "'",
  '\u201c': '"',
  '\u201d': '"',
  '\u00d7': 'x',
};
const DIGIT = /[0-9+=-]/;

interface Glyph {
  readonly strokes: readonly (readonly (readonly [x: number, y: number])[])[];
  readonly width: number;
}

/** Letters with marks lose them; what is still unknown is a box. */
function glyphsOf(text: string): readonly Glyph[] {
  const plain = text.normalize('NFKD').replace(/\p{M}/gu, '');
  return [...plain].map((character) => {
    if (/\s/.test(character)) return { strokes: [], width: SPACE_WIDTH };
    const letter = LIKE[character] ?? character;
    const code = Object.hasOwn(GLYPHS, letter) ? (GLYPHS[letter] ?? UNKNOWN) : UNKNOWN;
    const strokes = code
      .split('|')
      .map((stroke) =>
        (stroke.match(/\d\d/g) ?? []).map((point) => [Number(point[0]), Number(point[1])] as const),
      );
    if (DIGIT.test(letter)) return { strokes, width: DIGIT_WIDTH };
    const xs = strokes.flat().map(([x]) => x);
    const left = Math.min(...xs);
    return {
      strokes: strokes.map((stroke) => stroke.map(([x, y]) => [x - left, y] as const)),
      width: Math.max(...xs) - left,
    };
  });
}

/** In units. */
export function textWidth(text: string): number {
  const glyphs = glyphsOf(text);
  return glyphs.reduce((sum, { width }) => sum + width + GAP, 0) - (glyphs.length === 0 ? 0 : GAP);
}

/** Path data of SVG for a line of text whose base line begins at (x, y), in letters of `unit` pixels a unit. */
export function textPath(
  text: string,
  { x, y, unit }: { readonly x: number; readonly y: number; readonly unit: number },
): string {
  let left = x;
  const parts: string[] = [];
  for (const { strokes, width } of glyphsOf(text)) {
    for (const stroke of strokes) {
      const points = stroke.map(
        ([px, py]) => `${(left + px * unit).toFixed(2)} ${(y + (py - ASCENT) * unit).toFixed(2)}`,
      );
      // A point alone: a line so short that only its round ends are seen.
      parts.push(points.length === 1 ? `M${points[0]}h.01` : `M${points.join('L')}`);
    }
    left += (width + GAP) * unit;
  }
  return parts.join('');
}
