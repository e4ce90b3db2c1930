/** The work of `svg-t2i eval geneval`, `geneval2` and `dpg`: draws, and tells what became of it. */
import type { BenchmarkKind } from '../config/eval/generate.js';
import { EXIT_CODES, SvgT2IError } from '../errors.js';
import { shellCommand } from '../eval/command-line.js';
import type { GenerateConfig } from '../eval/generate/config.js';
import { drawBenchmark } from '../eval/generate/generate.js';
import { printFaults } from './eval-check.js';
import { followEvaluation } from './eval-run.js';
import { note, printJson, printLine } from './output.js';

/** @throws SvgT2IError ERR_SVGT2I_INCOMPLETE where pictures could not be drawn, and all that drawBenchmark throws */
export async function drawAndReport(
  kind: BenchmarkKind,
  config: GenerateConfig,
  { json }: { readonly json: boolean },
): Promise<void> {
  const command = shellCommand(process.argv.slice(2));
  const result = await followEvaluation(json, async (options) => {
    try {
      return await drawBenchmark(kind, config, { ...options, command });
    } catch (error) {
      throw options.signal.aborted ? interrupted(command) : error;
    }
  });
  const { folder, check, drawn, kept, failed, report, scorer } = result;
  if (json) printJson({ type: 'result', ...result });
  else {
    printLine(
      `${folder}: ${check.pictures} pictures of ${result.prompts} prompts; ${drawn} file(s) drawn, ${kept} kept`,
    );
    printFaults(check);
    note(`report: ${report}`);
    if (check.faults.length === 0) {
      note('the scorer is called so, in a clone of it:');
      for (const line of scorer) printLine(line);
    }
  }
  if (failed.length > 0) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INCOMPLETE',
      `${failed.length} file(s) of pictures could not be drawn`,
      {
        hint: `${report} names them; the same command draws what is missing.`,
      },
    );
  }
  if (check.faults.length > 0) process.exitCode = EXIT_CODES.failure;
}

function interrupted(command: string): SvgT2IError {
  return new SvgT2IError('ERR_SVGT2I_CANCELLED', 'interrupted; the pictures that are done are kept', {
    hint: `Go on with: ${command}`,
  });
}
