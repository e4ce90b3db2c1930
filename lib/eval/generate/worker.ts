/** Runs as a process of its own: draws the files that its launcher sends it, and tells of them a line at a time. */
import { once } from 'node:events';
import { exitCodeOf, firstLine, SvgT2IError } from '../../errors.js';
import { removeUnfinished } from '../../files.js';
import { printableJson } from '../../printable.js';
import { chooseDevice } from '../../processes/device.js';
import { rankPlace } from '../../processes/ranks.js';
import { FoundRelease } from '../../release/found-release.js';
import { STOP_SIGNALS, type StopCause, StopRequest, stopExitCode } from '../../stop.js';
import { type DrawJob, drawFiles } from './draw-files.js';
import type { WorkerLine } from './processes.js';

const controller = new AbortController();
let cause: StopCause | undefined;

for (const name of STOP_SIGNALS) {
  process.on(name, () => {
    cause ??= name;
    controller.abort(new StopRequest(name));
  });
}
process.on('disconnect', () => {
  removeUnfinished();
  process.exit(1);
});
void nextMessage().then((job) => work(job as DrawJob));

/** What the launcher sends next; while nobody waits for it, the work alone keeps this process alive. */
async function nextMessage(signal?: AbortSignal): Promise<unknown> {
  process.channel?.ref();
  try {
    const [message] = await once(process, 'message', signal === undefined ? {} : { signal });
    return message;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    process.channel?.unref();
  }
}

async function work(job: DrawJob): Promise<void> {
  try {
    const { device, threads } = chooseDevice(job.model, rankPlace(process.env));
    const model = { ...job.model, device, ...(threads === undefined ? {} : { threads }) };
    await drawFiles(new FoundRelease(model), job, {
      signal: controller.signal,
      onEvent: tell,
      onLoaded: async (drawnIn) => {
        const go = nextMessage(controller.signal);
        tell({ type: 'loaded', ...drawnIn });
        await go;
      },
    });
  } catch (error) {
    process.exitCode = cause === undefined ? exitCodeOf(error) : stopExitCode(cause);
    if (cause === undefined) tell(errorLine(error));
  }
}

function errorLine(error: unknown): WorkerLine {
  if (SvgT2IError.isInstance(error)) return { type: 'error', ...error.toJSON() };
  return { type: 'error', name: 'SvgT2IError', code: 'ERR_SVGT2I_INTERNAL', message: firstLine(error) };
}

function tell(line: WorkerLine): void {
  process.stdout.write(`${printableJson(line)}\n`);
}
