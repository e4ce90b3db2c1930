// Writes lib/facts.ts from what the engine says of itself: npm run build, then npm run facts.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * The exports of lib/facts.ts, with what stands above each.
 *
 * @param {import('../lib/native/jobs.js').Catalogue} catalogue
 * @returns {Record<string, { doc: string, value: unknown }>}
 */
export function factsOf(catalogue) {
  /** @type {(rows: readonly any[], fields: readonly string[]) => Record<string, object>} */
  const byName = (rows, fields) =>
    Object.fromEntries(
      rows.map((row) => [row.name, Object.fromEntries(fields.map((field) => [field, row[field]]))]),
    );
  return {
    NATIVE_ERROR_CODES: { doc: 'Codes that the C++ engine raises.', value: catalogue.errorCodes },
    JOB_KINDS: { doc: 'Jobs of the engine, those for tests among them.', value: catalogue.jobs },
    STORED_DTYPES: { doc: 'What weights and features are stored in.', value: catalogue.dtypes },
    COMPUTE_DTYPES: { doc: 'What models compute in.', value: catalogue.computeDtypes },
    PRECISIONS: {
      doc: 'What pictures are drawn in: int8 are the large matrices alone, on a CPU.',
      value: catalogue.precisions,
    },
    MAX_SIDE_CELLS: { doc: 'Cells of a side of a latent, at most.', value: catalogue.maxSideCells },
    SOLVERS: {
      doc: 'Ways to integrate the flow, in the order in which they are shown.',
      value: catalogue.solvers.map(({ name }) => name),
    },
    SOLVER_FACTS: {
      doc: 'Their family, the settings that each reads, its usual time shift, the fewest steps that it takes, and the evaluations of one.',
      value: byName(catalogue.solvers, ['title', 'family', 'fields', 'shift', 'leastSteps', 'stages']),
    },
    ENCODERS: {
      doc: 'Vision encoders: patterns of their files, their key in a yaml, and the channels of each published size.',
      value: byName(catalogue.encoders, ['title', 'files', 'yamlKey', 'presets']),
    },
    RESIDUALS: {
      doc: 'Residual branches of Autoencoder-R, with the channels of each name that `vit_type` of a yaml has for them.',
      value: byName(catalogue.residuals, ['title', 'presets', 'usual']),
    },
    DECODERS: {
      doc: 'Decoders: their key in a yaml, their usual dimensions, and the cells that these give.',
      value: byName(catalogue.decoders, ['title', 'yamlKey', 'cellPixels', 'usual']),
    },
    VELOCITY_MODELS: {
      doc: 'Diffusion transformers: patterns of their files, what they draw from, and the dimensions of each published size.',
      value: byName(catalogue.velocityModels, ['title', 'files', 'condition', 'canTrain', 'presets']),
    },
    LOSSES: {
      doc: 'Losses of training, by the setting that names them.',
      value: Object.fromEntries(
        Object.entries(catalogue.losses).map(([setting, rows]) => [
          setting,
          rows.map((row) => (typeof row === 'string' ? row : row.name)),
        ]),
      ),
    },
  };
}

/** @param {ReturnType<typeof factsOf>} facts */
export function sourceOf(facts) {
  const head =
    '/** What the engine has. Written by scripts/write-facts.mjs: npm run facts, after a build. */\n';
  const exports = Object.entries(facts).map(
    ([name, { doc, value }]) =>
      `\n/** ${doc} */\nexport const ${name} = ${JSON.stringify(value)} as const;\n`,
  );
  return head + exports.join('');
}

async function main() {
  const { Engine } = await import('../dist/engine.js');
  const engine = await Engine.create();
  const { value } = await engine.run('catalogue', {});
  await engine.dispose();
  const file = fileURLToPath(new URL('../lib/facts.ts', import.meta.url));
  writeFileSync(file, sourceOf(factsOf(value)));
  const biome = fileURLToPath(new URL('../node_modules/.bin/biome', import.meta.url));
  execFileSync(biome, ['format', '--write', file], { stdio: 'inherit' });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
