/** The work of `svg-t2i train`: settings and flags together, then this process's run or one a device. */

import { basename, extname, join, resolve } from 'node:path';
import { printConfig } from '../config/load.js';
import {
  checkWorldSize,
  loadTrainingConfig,
  type TrainingConfig,
  type TrainingStage,
} from '../config/train.js';
import { SvgT2IError } from '../errors.js';
import { checkTrainingSizes } from '../features/check-sizes.js';
import { printable } from '../printable.js';
import { endWithLauncher, launchRanks } from '../processes/launch.js';
import { rankPlace } from '../processes/ranks.js';
import { train } from '../train/run.js';
import { type ResumeMode, runFolder } from '../train/run-folder.js';
import { parseInteger } from './arguments.js';
import type { CommonOptions } from './flags.js';
import { errorToJson, note, noteAsItIs, printLine } from './output.js';
import { adoptStop, listenForInterrupt } from './signals.js';
import { trainReport } from './train-report.js';

/** Of the command line, as it was typed. */
export interface TrainFlags extends CommonOptions {
  readonly run?: string;
  readonly resume?: true | string;
  readonly nproc?: unknown;
}

export async function trainFromCommandLine(stage: TrainingStage, flags: TrainFlags): Promise<void> {
  const resume = resumeMode(flags.resume);
  const config = await readConfig(stage, flags, resume);
  if (flags.printConfig === true) {
    process.stdout.write(printable(printConfig(config)));
    return;
  }
  const folder = resolve(flags.run ?? config.run ?? defaultFolder(flags.config));
  const place = rankPlace(process.env);
  const processes = parseInteger('--nproc', flags.nproc ?? 1, { least: 1, most: 1024 });
  if (processes > 1) {
    if (place.worldSize > 1) {
      throw new SvgT2IError('ERR_SVGT2I_USAGE', '--nproc was given in a process that has a rank already', {
        hint: 'Leave --nproc to the launcher that set WORLD_SIZE, or unset that.',
      });
    }
    checkWorldSize(config, processes);
    // Each of them would say it again.
    checkTrainingSizes(config);
    await launch(stage, { processes, folder, json: flags.json === true });
    return;
  }
  const isLaunched = process.channel !== undefined;
  if (isLaunched) endWithLauncher();
  using interrupt = listenForInterrupt({ forcible: !isLaunched });
  using report = trainReport({ json: flags.json === true, isFirst: place.rank === 0 });
  const { step, steps, stop } = await train({
    config,
    folder,
    resume,
    place,
    signal: interrupt.signal,
    onEvent: report.onEvent,
  });
  if (stop === undefined) return;
  if (stop.cause !== undefined) adoptStop(stop.cause);
  const by = stop.rank === place.rank ? '' : ` (rank ${stop.rank} got ${stop.cause ?? 'the request'})`;
  const where = step === 0 ? 'before the first step' : `after step ${step} of ${steps}, which is saved`;
  const how = step === 0 ? ' auto' : '';
  throw new SvgT2IError('ERR_SVGT2I_CANCELLED', `interrupted ${where}${by}`, {
    hint: `Go on with: svg-t2i train ${stage} --run ${folder} --resume${how}`,
  });
}

async function readConfig(
  stage: TrainingStage,
  flags: TrainFlags,
  resume: ResumeMode,
): Promise<TrainingConfig> {
  const folder = flags.run === undefined ? undefined : runFolder(flags.run);
  const file = flags.config ?? (resume === 'new' ? undefined : folder?.config);
  if (file === undefined) {
    throw new SvgT2IError('ERR_SVGT2I_USAGE', `svg-t2i train ${stage} needs --config FILE`, {
      hint: 'Examples are in configs/; --run FOLDER --resume goes on with a run and its own configuration.',
    });
  }
  return await loadTrainingConfig(stage, { file, environment: process.env, set: flags.set });
}

function resumeMode(flag: true | string | undefined): ResumeMode {
  if (flag === undefined) return 'new';
  if (flag === true) return 'latest';
  if (flag === 'auto') return 'auto';
  throw new SvgT2IError('ERR_SVGT2I_USAGE', `--resume ${flag}: must be auto, or stand alone`);
}

function defaultFolder(file: string | undefined): string {
  return join('runs', file === undefined ? 'run' : basename(file, extname(file)));
}

/** The same command line again in every process, without --nproc. */
async function launch(
  stage: TrainingStage,
  options: { readonly processes: number; readonly folder: string; readonly json: boolean },
): Promise<void> {
  const { processes, folder, json } = options;
  using interrupt = listenForInterrupt();
  const [program, ...args] = [process.execPath, ...process.execArgv, ...withoutNproc(process.argv.slice(1))];
  // Each may tell an error of its own, but stdout gets the one that decides.
  const errors = new Map<number, string>();
  const { exitCode, rank } = await launchRanks({
    processes,
    command: [program, ...args, '--run', folder],
    env: process.env,
    signal: interrupt.signal,
    onLine: (rank, stream, line) => {
      if (stream === 'stderr') noteAsItIs(rank === 0 ? line : `[${rank}] ${line}`);
      else if (line.startsWith('{"type":"error"')) errors.set(rank, line);
      // The first process alone writes results.
      else if (rank === 0) printLine(line);
    },
    onFailure: (_, how) => note(`${how}, so the others are ended`),
    hint: [
      'Its last messages are above; SIGKILL often means that the memory of the machine ran out.',
      `Go on with: svg-t2i train ${stage} --run ${folder} --nproc ${processes} --resume auto`,
    ].join('\n'),
  });
  process.exitCode = exitCode;
  if (rank === undefined || !json) return;
  const interrupted = new SvgT2IError('ERR_SVGT2I_CANCELLED', 'interrupted before anything was trained');
  printLine(errors.get(rank) ?? errors.get(0) ?? JSON.stringify(errorToJson(interrupted)));
}

function withoutNproc(args: readonly string[]): readonly string[] {
  return args.filter((arg, i) => !arg.startsWith('--nproc') && args[i - 1] !== '--nproc');
}
