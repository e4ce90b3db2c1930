/** `svg-t2i eval report`: tables of what scorers have found. */
import { join } from 'node:path';
import { Command } from 'commander';
import { scoresSchema } from '../../../config/eval/scores.js';
import type { ReportFlags } from '../../eval-report.js';
import { addFlags, addOutputModeFlags, collect, sectionFlags, toNumber } from '../../flags.js';

const DEFAULT_OUT = join('output', 'eval-report');

const EXAMPLES = `
Reads what GenEval's scorer (results.jsonl), GenEval 2's (the file of its --output_file) and DPG-Bench's
(dpg-bench_..._results.txt) have written, counts the figures of their papers' tables as they do, and sets several
runs side by side. Behind each figure stands its 95 % interval: prompts are drawn anew, within their task, and every
figure is counted again. Runs after the first are also compared with it, prompt by prompt.

GenEval's overall score is the mean of its tasks. DPG-Bench's categories are counted from the answers to the last picture of
each grid, as its scorer does; for their intervals pass its list of questions (--questions dpg_bench.csv).

Beside the tables it writes report.html, report.md, scores.png and results.json.

Examples:
  svg-t2i eval report results.jsonl
  svg-t2i eval report --name before=a/results.jsonl --name after=b/results.jsonl --published --out compared
  svg-t2i eval report dpg-bench_20261129-101500_results.txt --questions dpg_bench.csv
  svg-t2i eval report score_lists.json --questions geneval2_data.jsonl --json
`;

const OUT_DESCRIPTION = `folder for report.html, report.md, scores.png and results.json (default: ${DEFAULT_OUT})`;

const SCORES_FLAGS = sectionFlags('scores', scoresSchema, [
  { flags: '--as <scorer>', key: 'as' },
  { flags: '--questions <file>', key: 'questions' },
  { flags: '--bootstrap <n>', key: 'bootstrap', parse: toNumber },
  { flags: '--seed <n>', key: 'seed', parse: toNumber },
  { flags: '--published', key: 'published' },
  { flags: '-o, --out <folder>', key: 'out', description: OUT_DESCRIPTION },
]);

export function evalReportCommand(): Command {
  const command = new Command('report')
    .description('tables of what scorers have found, with intervals, runs side by side')
    .argument('[results...]', scoresSchema.shape.results.description)
    .option('--name <name=file>', 'a result file and what to call it; may be repeated', collect);
  addFlags(command, 'Scores:', SCORES_FLAGS);
  command
    .optionsGroup('Configuration:')
    .option('--config <file>', 'YAML or JSON file with the section scores')
    .option('--set <path=value>', 'set one value of the configuration; may be repeated', collect)
    .option('--print-config', 'print the configuration that would be used, and stop');
  return addOutputModeFlags(command)
    .addHelpText('after', EXAMPLES)
    .action(async (results: readonly string[], flags: ReportFlags) => {
      const { reportScores } = await import('../../eval-report.js');
      await reportScores(results, flags, { known: SCORES_FLAGS, out: DEFAULT_OUT });
    });
}
