/** Pictures in the terminal itself, for terminals that can. */

type Environment = Readonly<Record<string, string | undefined>>;
type Protocol = 'kitty' | 'iterm2';

/** Bytes of base64 in one message; kitty takes no more. */
const CHUNK_BYTES = 4096;

/** The terminal's way of showing pictures, as far as its environment says. */
export function inlineProtocol(env: Environment): Protocol | undefined {
  // Multiplexers swallow what they do not know.
  if (env.TMUX !== undefined || env.STY !== undefined) return undefined;
  if (env.KITTY_WINDOW_ID !== undefined || env.TERM === 'xterm-kitty' || env.TERM === 'xterm-ghostty') {
    return 'kitty';
  }
  return ['iTerm.app', 'WezTerm', 'vscode', 'mintty'].includes(env.TERM_PROGRAM ?? '') ? 'iterm2' : undefined;
}

/** What to print to show a PNG, `rows` lines high. */
export function inlineImage(png: Uint8Array, protocol: Protocol, rows: number): string {
  const data = Buffer.from(png).toString('base64');
  if (protocol === 'iterm2') {
    return `\u001b]1337;File=inline=1;size=${png.length};height=${rows}:${data}\u0007`;
  }
  const chunks = data.match(new RegExp(`.{1,${CHUNK_BYTES}}`, 'g')) ?? [];
  const messages = chunks.map((chunk, i) => {
    const more = i < chunks.length - 1 ? 1 : 0;
    const keys = i === 0 ? `a=T,f=100,r=${rows},m=${more}` : `m=${more}`;
    return `\u001b_G${keys};${chunk}\u001b\\`;
  });
  return messages.join('');
}
