/** What a page knows of one job, and how the server's news change it. */
import { pictureBlob } from './blobs.js';
import { numberOf } from './settings.js';

/** @import { DrawBody, JobAnswer, JobEvent, PageJob } from './types.js' */

/** Previews of a picture: each takes the time of a decode. */
const PREVIEWS = 8;
/** Between previews of solvers that choose their own steps. */
const ADAPTIVE_STEPS = 5;

/**
 * @param {string} id
 * @param {DrawBody} body
 * @param {number} createdAt
 * @param {number} [kept]
 * @returns {PageJob}
 */
export function newJob(id, body, createdAt, kept = 0) {
  return {
    id,
    body,
    createdAt,
    kept,
    seen: kept,
    status: 'queued',
    isOver: false,
    previews: new Map(),
    done: new Set(),
    warnings: [],
  };
}

/** @param {DrawBody} body @returns {number} Steps from one preview to the next. */
export function previewEvery(body) {
  const steps = numberOf(body, 'num_inference_steps');
  return steps === undefined ? ADAPTIVE_STEPS : Math.max(1, Math.ceil(steps / PREVIEWS));
}

/** Its last event has not come: a status that was asked for says done before the pictures are here. @param {PageJob} job */
export function isOpen(job) {
  return !job.isOver;
}

/** What has ended has most to show, then what is drawn, then what waits. @param {PageJob} job */
export function rank(job) {
  if (job.status === 'queued') return 2;
  return job.status === 'running' ? 1 : 0;
}

/**
 * @param {PageJob} job
 * @param {Omit<JobAnswer, 'id'>} answer
 */
export function takeAnswer(job, answer) {
  job.status = answer.status;
  job.isEncoding = false;
  job.place = answer.place ?? undefined;
  job.step = answer.step ?? undefined;
  job.steps = answer.steps ?? undefined;
  job.etaSeconds = answer.eta_seconds ?? undefined;
}

/**
 * @param {PageJob} job
 * @param {JobEvent} event Of the kinds that neither end it nor bring a picture; others, of a newer server too, change nothing.
 */
export function takeProgress(job, event) {
  switch (event.type) {
    case 'queued':
      takeAnswer(job, { status: 'queued', place: event.place });
      break;
    case 'encode':
      takeAnswer(job, { status: 'running' });
      job.isEncoding = true;
      break;
    case 'step':
      takeAnswer(job, { status: 'running', ...event });
      break;
    case 'preview':
      if (!job.done.has(event.index)) job.previews.set(event.index, pictureBlob(event));
      break;
    case 'warning':
      job.warnings.push(event.message);
      break;
    default:
  }
}
