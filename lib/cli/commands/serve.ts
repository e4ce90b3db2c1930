/** `svg-t2i serve`: pictures over HTTP. */
import { Command, Option } from 'commander';
import { LOG_KINDS, serveSchema } from '../../config/serve.js';
import { unwrap } from '../../config/validate.js';
import { collect, toNumber } from '../flags.js';
import type { ServeFlags } from '../serve-run.js';

const EXAMPLES = `
Then http://localhost:7860 is a page to draw with, and http://localhost:7860/v1 an address for programs that speak OpenAI's
image API. Other machines reach it once --host is given, together with a key.

Variables: SVG_T2I_API_KEY for --api-key, SVG_T2I_DEVICE, SVG_T2I_DTYPE, SVG_T2I_THREADS.

Examples:
  svg-t2i serve
  svg-t2i serve --model svg-t2i --device cuda:0 --dtype bf16
  svg-t2i serve --model large=./pre-trained --model small=./pre-trained-256 --max-queue 20
  svg-t2i serve --host 0.0.0.0 --api-key-file keys.txt --log json
  curl localhost:7860/v1/images/generations -d '{"prompt":"a red circle"}'
`;

type Key = keyof typeof serveSchema.shape;

/** Flag -> the setting that it is; their help and defaults come from the schema. */
const GROUPS: readonly (readonly [
  heading: string,
  flags: readonly (readonly [flags: string, key: Key])[],
])[] = [
  [
    'Models:',
    [
      ['--model <[name=]folder>', 'models'],
      ['--device <device>', 'device'],
      ['--dtype <dtype>', 'dtype'],
      ['--threads <n>', 'threads'],
      ['--offload', 'offload'],
    ],
  ],
  [
    'Network:',
    [
      ['--host <address>', 'host'],
      ['--port <n>', 'port'],
      ['--api-key-file <file>', 'apiKeyFile'],
      ['--api-key <key>', 'apiKey'],
      ['--insecure', 'insecure'],
      ['--allow-host <name>', 'allowHost'],
      ['--cors <origin>', 'cors'],
      ['--trust-proxy', 'trustProxy'],
    ],
  ],
  [
    'Limits:',
    [
      ['--max-batch-tokens <n>', 'maxBatchTokens'],
      ['--max-batch <n>', 'maxBatch'],
      ['--max-queue <n>', 'maxQueue'],
      ['--max-pictures <n>', 'maxPictures'],
      ['--max-steps <n>', 'maxSteps'],
      ['--max-pixels <n>', 'maxPixels'],
      ['--max-prompt-characters <n>', 'maxPromptCharacters'],
      ['--max-body-bytes <n>', 'maxBodyBytes'],
      ['--max-connections <n>', 'maxConnections'],
      ['--stall-seconds <s>', 'stallSeconds'],
      ['--drain-seconds <s>', 'drainSeconds'],
      ['--keep-seconds <s>', 'keepSeconds'],
      ['--keep-bytes <n>', 'keepBytes'],
    ],
  ],
  [
    'Log:',
    [
      ['--log <kind>', 'log'],
      ['--log-prompts', 'logPrompts'],
    ],
  ],
];

export function serveCommand(): Command {
  const command = new Command('serve').description(
    "serve pictures over HTTP: a page, OpenAI's image API, jobs",
  );
  for (const [heading, flags] of GROUPS) {
    command.optionsGroup(heading);
    for (const [text, key] of flags) command.addOption(optionOf(text, key));
  }
  return command
    .optionsGroup('Configuration:')
    .option('--config <file>', 'YAML or JSON file with these settings in camelCase (docs/serve.md)')
    .option('--set <key=value>', 'set one value of the configuration; may be repeated', collect)
    .option('--print-config', 'print the configuration that would be used, and stop')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: ServeFlags) => {
      const { runServe } = await import('../serve-run.js');
      await runServe(flags);
    });
}

function optionOf(flags: string, key: Key): Option {
  const schema = serveSchema.shape[key];
  const option = new Option(flags, `${schema.description ?? ''}${defaultOf(key)}`);
  const inner = unwrap(schema).def.type;
  if (inner === 'array') option.argParser(collect);
  if (inner === 'number') option.argParser(toNumber);
  return key === 'log' ? option.choices(LOG_KINDS) : option;
}

function defaultOf(key: Key): string {
  const value: unknown = serveSchema.shape[key].safeParse(undefined).data;
  return typeof value === 'string' || typeof value === 'number' ? ` (default: ${value})` : '';
}
