/**
 * The public types: interfaces say what the schemas say (the compiler holds them: `npm run typecheck`), an editor shows a line
 * for each of their properties, and they compile where nobody has @types/node.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import type { checkSchema } from '../../lib/config/eval/check.js';
import type { benchmarkSchema } from '../../lib/config/eval/generate.js';
import type { imagenetSchema } from '../../lib/config/eval/imagenet.js';
import type { imagesSchema } from '../../lib/config/eval/images.js';
import type { packSchema } from '../../lib/config/eval/pack.js';
import type { reconstructRequestSchema } from '../../lib/config/eval/reconstruct.js';
import type { scoresSchema } from '../../lib/config/eval/scores.js';
import type { shapesSchema } from '../../lib/config/eval/shapes.js';
import type { statsSchema } from '../../lib/config/eval/stats.js';
import type { watchSchema } from '../../lib/config/eval/watch.js';
import type { ModelOptions, modelSchema } from '../../lib/config/model.js';
import type { settingsSchema } from '../../lib/config/request.js';
import type { servedModelSchema, serveSchema } from '../../lib/config/serve.js';
import type { ServedModelOptions, ServeSettings } from '../../lib/config/serve-settings.js';
import type { Settings } from '../../lib/config/settings.js';
import type { CheckRequest } from '../../lib/eval/check.js';
import type { BenchmarkRequest } from '../../lib/eval/generate/types.js';
import type { ImagenetRequest } from '../../lib/eval/imagenet/types.js';
import type { ImagesRequest, StatsRequest } from '../../lib/eval/measure-types.js';
import type { PackRequest } from '../../lib/eval/pack.js';
import type { ReconstructRequest } from '../../lib/eval/reconstruct-types.js';
import type { ScoresRequest } from '../../lib/eval/scores/result.js';
import type { ShapesRequest } from '../../lib/eval/shapes-types.js';
import type { WatchRequest } from '../../lib/eval/watch/types.js';
import type { generateSchema } from '../../lib/pipeline/check-request.js';
import type { ImageMetadata } from '../../lib/pipeline/image-metadata.js';
import type { imageMetadata } from '../../lib/pipeline/metadata.js';
import type { RequestFields } from '../../lib/pipeline/types.js';
import type { pullOptionsSchema } from '../../lib/pull/pull.js';
import type { PullOptions } from '../../lib/pull/types.js';
import type { loadOptionsSchema } from '../../lib/release/load-options.js';
import type { LoadOptions } from '../../lib/release/types.js';

// --- interfaces against schemas, both directions -----------------------------------------------------------------
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Without `readonly` and `| undefined`, and lists of any kind as such; a path may be a URL, which load() makes a text of. */
type Plain<Value> = {
  -readonly [Key in keyof Value]-?: Value[Key] extends infer Part
    ? Part extends undefined | URL
      ? never
      : Part extends readonly (infer Item)[]
        ? Item[]
        : Part
    : never;
};
/** Keys that may be left out. */
type Optional<Value> = { [Key in keyof Value]-?: undefined extends Value[Key] ? Key : never }[keyof Value];
type Same<Interface, Schema extends z.ZodType> = [
  Equal<Plain<Interface>, Plain<z.input<Schema>>>,
  Equal<Optional<Interface>, Optional<z.input<Schema>>>,
];
const same: {
  readonly settings: Same<Settings, typeof settingsSchema>;
  readonly request: Same<RequestFields, typeof generateSchema>;
  readonly model: Same<ModelOptions, typeof modelSchema>;
  readonly load: Same<LoadOptions, typeof loadOptionsSchema>;
  readonly pull: Same<PullOptions, typeof pullOptionsSchema>;
  readonly serve: Same<Omit<ServeSettings, 'models'>, ReturnType<typeof serveSchema.omit<{ models: true }>>>;
  readonly served: Same<ServedModelOptions, typeof servedModelSchema>;
  readonly images: Same<ImagesRequest, typeof imagesSchema>;
  readonly stats: Same<StatsRequest, typeof statsSchema>;
  readonly benchmark: Same<Omit<BenchmarkRequest, 'model' | 'sample'>, typeof benchmarkSchema>;
  readonly check: Same<Omit<CheckRequest, 'path'>, typeof checkSchema>;
  readonly reconstruct: Same<
    Omit<ReconstructRequest, 'model'>,
    ReturnType<typeof reconstructRequestSchema.omit<{ model: true }>>
  >;
  readonly watch: Same<WatchRequest, typeof watchSchema>;
  readonly pack: Same<PackRequest, typeof packSchema>;
  readonly imagenet: Same<Omit<ImagenetRequest, 'model' | 'sample'>, typeof imagenetSchema>;
  readonly scores: Same<
    Omit<ScoresRequest, 'results'>,
    ReturnType<typeof scoresSchema.omit<{ results: true }>>
  >;
  readonly shapes: Same<
    Omit<ShapesRequest, 'model' | 'sample'>,
    ReturnType<typeof shapesSchema.omit<{ model: true; sample: true }>>
  >;
  readonly metadata: Equal<ReturnType<typeof imageMetadata>, ImageMetadata>;
} = {
  settings: [true, true],
  request: [true, true],
  model: [true, true],
  load: [true, true],
  pull: [true, true],
  serve: [true, true],
  served: [true, true],
  images: [true, true],
  stats: [true, true],
  reconstruct: [true, true],
  watch: [true, true],
  benchmark: [true, true],
  check: [true, true],
  pack: [true, true],
  imagenet: [true, true],
  scores: [true, true],
  shapes: [true, true],
  metadata: true,
};

it('has interfaces of the same keys and values as the schemas', () => {
  expect(new Set(Object.values(same).flat())).toEqual(new Set([true]));
});

// --- what an editor and a compiler see ----------------------------------------------------------------------------
const root = fileURLToPath(new URL('../../', import.meta.url));
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'svg-types-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/svg-t2i'));
  symlinkSync(join(root, 'node_modules/zod'), join(folder, 'node_modules/zod'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
});
afterAll(() => rmSync(folder, { recursive: true }));

const OPTIONS: ts.CompilerOptions = {
  strict: true,
  noEmit: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: [],
  preserveSymlinks: true,
};

function programText(text: string): string {
  const file = join(folder, 'program.ts');
  writeFileSync(file, text);
  return file;
}

/** Asks the language service, as an editor does, what it shows at the place marked by | in each text. */
function hover(marked: string): { readonly shown: string; readonly documentation: string } {
  const position = marked.indexOf('|');
  const text = marked.replace('|', '');
  const file = programText(text);
  const service = ts.createLanguageService({
    getCompilationSettings: () => OPTIONS,
    getScriptFileNames: () => [file],
    getScriptVersion: () => '1',
    getScriptSnapshot: (name) => {
      const content = ts.sys.readFile(name);
      return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content);
    },
    getCurrentDirectory: () => folder,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: ts.sys.fileExists,
    readFile: ts.sys.readFile,
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
  });
  const info = service.getQuickInfoAtPosition(file, position);
  const result = {
    shown: ts.displayPartsToString(info?.displayParts),
    documentation: ts.displayPartsToString(info?.documentation),
  };
  service.dispose();
  return result;
}

/** What package.json exports. */
const ENTRIES = ['dist/index.d.ts', 'dist/ai.d.ts'] as const;

const REQUEST =
  "import { SvgT2I } from 'svg-t2i';\nconst pipe = await SvgT2I.load();\nawait pipe.generate({ prompt: 'a',";
describe('hover', () => {
  it.each([
    [`${REQUEST} st|eps: 5 });`, /1 to 1000.*Default: 50/],
    [`${REQUEST} guidance|Scale: 5 });`, /0 to 1000.*Default: 4/],
    [`${REQUEST} se|ed: 5 });`, /2\^53 - 1[\s\S]*Default: 0/],
    [`${REQUEST} system|Prompt: '' });`, /Default: `base`/],
    [`${REQUEST} sig|nal: undefined });`, /Ends the call/],
    [`${REQUEST} preview|Every: 1 });`, /0 draws none/],
    ["import { SvgT2I } from 'svg-t2i';\nSvgT2I.load({ dty|pe: 'bf16' });", /bf16 where the hardware/],
    ["import { SvgT2I } from 'svg-t2i';\nSvgT2I.load({ pre|trained: 'x' });", /`file:` URL/],
    ["import { Svg|T2I } from 'svg-t2i';", /A loaded release/],
    ["import { SvgT2I } from 'svg-t2i';\nSvgT2I.lo|ad();", /Finds and loads a release/],
    ["import type { Load|Options } from 'svg-t2i';", /SvgT2I\.load\(\)/],
    [
      "import type { GenerateResult } from 'svg-t2i';\ndeclare const r: GenerateResult; r.tim|ings;",
      /Where the time went/,
    ],
    [
      "import type { GenerateResult } from 'svg-t2i';\ndeclare const r: GenerateResult; r.timings.mo|del;",
      /Seconds/,
    ],
    [
      "import type { GeneratedImage } from 'svg-t2i';\ndeclare const i: GeneratedImage; i.metadata.se|ed;",
      /This picture's own/,
    ],
    [
      "import type { GeneratedImage } from 'svg-t2i';\ndeclare const i: GeneratedImage; i.sa|ve('x.png');",
      /whole or not at all/,
    ],
  ])('%s', (marked, wanted) => {
    const { shown, documentation } = hover(marked);
    expect(documentation).toMatch(wanted);
    // Names, not expanded objects that end in "... 6 more ...".
    expect(shown).not.toContain('more ...');
  });

  it.each(ENTRIES)('shows of every function of %s what it throws and an example', (entry) => {
    const program = ts.createProgram([join(root, entry)], OPTIONS);
    const checker = program.getTypeChecker();
    const index = program.getSourceFile(join(root, entry));
    const module = index && checker.getSymbolAtLocation(index);
    const bare: string[] = [];
    const look = (name: string, symbol: ts.Symbol) => {
      const tags = symbol.getJsDocTags(checker).map((tag) => tag.name);
      for (const wanted of ['throws', 'example'])
        if (!tags.includes(wanted)) bare.push(`${name}: @${wanted}`);
    };
    for (const exported of module === undefined ? [] : checker.getExportsOfModule(module)) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      if (symbol.flags & ts.SymbolFlags.Function) look(symbol.name, symbol);
      if (!['SvgT2I', 'GeneratedImage'].includes(symbol.name)) continue;
      const members = [
        ...checker.getDeclaredTypeOfSymbol(symbol).getProperties(),
        ...checker.getTypeOfSymbol(symbol).getProperties(),
      ];
      for (const member of members) {
        const isMethod = member.flags & ts.SymbolFlags.Method && !/^(__|#)/.test(member.name);
        // It never throws.
        if (isMethod && member.name !== 'dispose') look(`${symbol.name}.${member.name}`, member);
      }
    }
    expect(bare).toEqual([]);
  });

  it.each(ENTRIES)('shows a line for everything that %s exports, and for every property of it', (entry) => {
    const program = ts.createProgram([join(root, entry)], OPTIONS);
    const checker = program.getTypeChecker();
    const index = program.getSourceFile(join(root, entry));
    const module = index && checker.getSymbolAtLocation(index);
    const bare: string[] = [];
    for (const exported of module === undefined ? [] : checker.getExportsOfModule(module)) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      if (symbol.getDocumentationComment(checker).length === 0) bare.push(symbol.name);
      const isShape = symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface);
      if (!isShape) continue;
      for (const property of checker.getDeclaredTypeOfSymbol(symbol).getProperties()) {
        const [declaration] = property.getDeclarations() ?? [];
        const isOurs = declaration?.getSourceFile().fileName.startsWith(join(root, 'dist'));
        const isPlain = SELF_EXPLAINING.has(property.name) || /^(__|#)/.test(property.name);
        if (!isOurs || isPlain || property.getDocumentationComment(checker).length > 0) continue;
        bare.push(`${symbol.name}.${property.name}`);
      }
    }
    expect(bare).toEqual([]);
  });
});

/** Names that a line could only repeat. */
const SELF_EXPLAINING = new Set(['type', 'message', 'prompt']);

describe('a program in TypeScript', () => {
  const check = (text: string, options: ts.CompilerOptions = {}) =>
    ts
      .getPreEmitDiagnostics(
        ts.createProgram([programText(text)], { ...OPTIONS, skipLibCheck: false, ...options }),
      )
      .map(
        ({ messageText, file }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
      );

  const PROGRAM = `import { SvgT2I, SvgT2IError, train, inspectWeights, readImage } from 'svg-t2i';
    const pipe = await SvgT2I.load({ pretrained: new URL('file:///x'), parts: ['autoencoder'] });
    const prompts: readonly string[] = ['a', 'b'];
    const { images, timings } = await pipe.generate({ prompt: prompts, seed: 'random', solver: 'euler' });
    const seconds: number = timings.model + timings.decode;
    const seed: number | undefined = images[0]?.metadata.seed;
    const patch: number | undefined = pipe.models.dit?.patchSize ?? pipe.models.latentChannels;
    for await (const event of pipe.stream({ prompt: 'a' })) if (event.type === 'image') await event.image.save('x.jpg');
    await pipe[Symbol.asyncDispose]();
    export { seconds, seed, patch, SvgT2IError, train, inspectWeights, readImage };`;

  it('compiles without @types/node, libraries checked', () => {
    expect(check(PROGRAM, { skipLibCheck: false })).toEqual([]);
  });

  it('compiles with exactOptionalPropertyTypes and verbatimModuleSyntax', () => {
    expect(check(PROGRAM, { exactOptionalPropertyTypes: true, verbatimModuleSyntax: true })).toEqual([]);
  });

  it('does not compile with values that would be refused', () => {
    const wrong = [
      "{ prompt: 'a', seed: 1n }",
      "{ prompt: 'a', solver: 'ddim' }",
      "{ prompt: 'a', stepz: 5 }",
      '{}',
      "{ prompt: 'a', noise: [new Float64Array(5)] }",
    ];
    const lines = wrong.map((request) => `await pipe.generate(${request});`);
    const program = ["import { SvgT2I } from 'svg-t2i';", 'const pipe = await SvgT2I.load();', ...lines];
    expect(check(program.join('\n'))).toHaveLength(wrong.length);
  });
});
