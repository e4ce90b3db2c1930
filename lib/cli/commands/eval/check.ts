/** `svg-t2i eval check`: what a scorer would miscount or stumble over. */
import { Command } from 'commander';
import { checkSchema } from '../../../config/eval/check.js';
import { SvgT2IError } from '../../../errors.js';
import type { CheckRequest } from '../../../eval/check.js';
import { addFlags, addOutputModeFlags, flagNames, flagTree, sectionFlags, toNumber } from '../../flags.js';

interface CheckFlags {
  readonly json?: boolean;
  readonly [flag: string]: unknown;
}

const CHECK_FLAGS = sectionFlags('check', checkSchema, [
  { flags: '--as <scorer>', key: 'as' },
  { flags: '--prompts <file>', key: 'prompts' },
  { flags: '--images-per-prompt <n>', key: 'imagesPerPrompt', parse: toNumber },
  { flags: '--resolution <n>', key: 'resolution', parse: toNumber },
]);

const EXAMPLES = `
Names every fault with its path, the reason, and what the scorer would make of it; exit code 1 where there is one. All pictures
are decoded: a file that is cut opens, and stops a scorer hours later.

Of a folder that eval geneval, geneval2 or dpg have drawn into, the rest is known: prompts, pictures a prompt, resolution.

Examples:
  svg-t2i eval check runs/geneval --as geneval
  svg-t2i eval check pictures --as geneval --prompts evaluation_metadata.jsonl
  svg-t2i eval check grids --as dpg --prompts dpg_bench/prompts --resolution 1024
  svg-t2i eval check out --as geneval2 --prompts geneval2_data.jsonl --json
  svg-t2i eval check samples.npz --as adm-npz --resolution 256
`;

export function evalCheckCommand(): Command {
  const command = new Command('check')
    .description('find what a scorer would miscount or stumble over, before it runs')
    .argument('<path>', 'the folder that the scorer would get, or the .npz');
  addFlags(command, 'Check:', CHECK_FLAGS);
  addOutputModeFlags(command);
  return command.addHelpText('after', EXAMPLES).action(runCheckCommand);
}

async function runCheckCommand(path: string, options: CheckFlags): Promise<void> {
  const [{ validate }, { runCheck }] = await Promise.all([
    import('../../../config/validate.js'),
    import('../../eval-check.js'),
  ]);
  const nameOf = flagNames(CHECK_FLAGS, options);
  const given = flagTree(CHECK_FLAGS, options).check ?? {};
  if (options.as === undefined) {
    throw new SvgT2IError('ERR_SVGT2I_USAGE', 'whose input it is was not said', {
      hint: `Pass --as ${checkSchema.shape.as.options.join(', --as ')}.`,
    });
  }
  const checked = validate(checkSchema, given, { nameOf: (name) => nameOf(`check.${name}`) });
  await runCheck({ path, ...checked } satisfies CheckRequest, { json: options.json === true });
}
