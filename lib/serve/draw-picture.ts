/** Draws one picture of a job, and tells the job. */
import type { GenerateRequest } from '../pipeline/types.js';
import type { DrawJob, JobPlan } from './draw-job.js';
import { ApiError } from './errors.js';
import type { Drawer } from './models.js';
import { encodePreview, maxPreviews, PREVIEW_FORMAT } from './preview.js';

/** Times of a picture, for the metrics. */
export interface PictureTimes {
  /** From its begin to its end. */
  readonly picture: (seconds: number) => void;
  /** From one step to the next. */
  readonly step: (seconds: number) => void;
}

/** What the pipeline is asked for: the whole job, of which `only` names a picture. */
export function generateRequest({ request, seed }: Pick<JobPlan, 'request' | 'seed'>): GenerateRequest {
  const { prompt, class: ofClass, settings, n } = request;
  // Where both are given, the pipeline says that one is too many.
  const subject = ofClass === undefined ? { prompt: prompt ?? '' } : { class: ofClass, prompt };
  return { ...settings, ...subject, count: n, seed };
}

/** Settles when the picture has left the engine; what fails is the job's failure. */
export async function drawPicture(
  job: DrawJob,
  index: number,
  drawer: Drawer,
  times: PictureTimes,
): Promise<void> {
  if (job.ended) return;
  job.begin();
  try {
    await follow(job, index, drawer, times);
  } catch (error) {
    // Of a job that has ended this is its own abort.
    job.fail(error);
  }
}

function tooManySteps(maxSteps: number): ApiError {
  const message = `the solver takes more than the ${maxSteps} steps a picture that this server draws. Ask for larger tolerances, or another solver.`;
  return new ApiError(422, 'limit_exceeded', message, { param: 'rtol', shouldRetry: false });
}

async function follow(job: DrawJob, index: number, drawer: Drawer, times: PictureTimes): Promise<void> {
  const { request, previewEvery } = job.plan;
  const start = performance.now();
  let last: number | undefined;
  let previews = 0;
  let drawn: Parameters<DrawJob['picture']>[0] | undefined;
  const own = { only: [index], previewEvery, signal: job.signal };
  for await (const event of drawer.stream({ ...generateRequest(job.plan), ...own })) {
    switch (event.type) {
      case 'step':
        if (last !== undefined) times.step((performance.now() - last) / 1000);
        last = performance.now();
        if (event.step > job.plan.maxSteps) throw tooManySteps(job.plan.maxSteps);
        job.step(index, event.step, event.steps);
        break;
      case 'preview':
        if (previews++ >= maxPreviews(request)) break;
        job.tell({
          type: 'preview',
          index,
          step: event.step,
          format: PREVIEW_FORMAT,
          bytes: await encodePreview(event.image),
        });
        // Its own time is no step's.
        last = undefined;
        break;
      case 'warning':
        // Once, not for each picture.
        if (index === 0) job.tell({ type: 'warning', message: event.message });
        break;
      case 'image': {
        const { format, quality } = request;
        const { seed, width, height } = event.image;
        const bytes = await event.image.encode(format, quality === undefined ? {} : { quality });
        drawn = { index, seed, width, height, format, bytes };
        break;
      }
      case 'done':
        if (drawn === undefined) break;
        times.picture((performance.now() - start) / 1000);
        job.picture(drawn, event.timings);
        break;
      default:
        break;
    }
  }
}
