/** The jobs of this page: sends them, follows them to their end over one stream, and finds them again after a reload. */
import { RequestError } from './api.js';
import { pictureBlob } from './blobs.js';
import { followJob } from './follow-job.js';
import { isOpen, newJob, previewEvery, rank, takeAnswer, takeProgress } from './job-state.js';

/** @import { Api } from './api.js' */
/** @import { JobRecords } from './job-records.js' */
/** @import { DrawBody, Followed, JobAnswer, JobEvent, PageJob } from './types.js' */

/** How often jobs that are not followed are asked after. */
const POLL_MS = 2_000;
const LOST = 'The server no longer knows this job: it was restarted, or the job has ended long ago.';

/**
 * @typedef {object} JobsOptions
 * @property {Pick<Api, 'submit' | 'cancel' | 'jobs' | 'events'>} api
 * @property {Pick<import('./connection.js').Connection, 'ask' | 'refused' | 'reachable'>} connection
 * @property {JobRecords} records
 * @property {() => void} onChange
 * @property {(job: PageJob, picture: Extract<JobEvent, { type: 'image' }>, blob: Blob) => Promise<void>} onPicture
 * @property {(job: PageJob) => void} onEnd
 */

export class Jobs {
  #options;
  /** @type {PageJob[]} */
  #jobs = [];
  #isRunning = false;
  /** @type {PageJob | undefined} */
  #followed;
  #following = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #poll;

  /** @param {JobsOptions} options */
  constructor(options) {
    this.#options = options;
  }

  /** @returns {readonly PageJob[]} Oldest first. */
  get all() {
    return this.#jobs;
  }

  /** Goes on with the jobs of the page before. */
  resume() {
    this.#jobs.push(...this.#options.records.all());
    this.#changed();
    this.#start();
  }

  /**
   * @param {DrawBody} body
   * @returns {Promise<void>} Rejects with a RequestError where the server does not take it.
   */
  async submit(body) {
    const answer = await this.#options.api.submit({ preview_every: previewEvery(body), ...body });
    const job = newJob(answer.id, body, Date.now());
    takeAnswer(job, answer);
    this.#options.records.save(job);
    this.#jobs.push(job);
    this.#changed();
    this.#start();
  }

  /**
   * @param {PageJob} job
   * @returns {Promise<void>} Once the server knows; the end comes as the job's last event.
   */
  async cancel(job) {
    job.isCancelling = true;
    this.#changed();
    try {
      takeAnswer(job, await this.#options.api.cancel(job.id));
      this.#switchToBetter();
    } catch (error) {
      job.isCancelling = false;
      this.#changed();
      if (!(error instanceof RequestError && error.status === 404)) throw error;
      this.#lose(job);
    }
  }

  /** Takes a job that has ended badly off the page. @param {PageJob} job */
  dismiss(job) {
    this.#remove(job);
    this.#changed();
  }

  #start() {
    this.#schedulePoll();
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#run().finally(() => {
      this.#isRunning = false;
    });
  }

  async #run() {
    for (let job = this.#next(); job !== undefined; job = this.#next()) await this.#follow(job);
  }

  /** What has ended is fetched first, then what is drawn is watched, then what waits; the oldest of these. */
  #next() {
    const open = this.#jobs.filter(isOpen);
    return open.sort((one, other) => rank(one) - rank(other) || one.createdAt - other.createdAt)[0];
  }

  /** @param {PageJob} job */
  async #follow(job) {
    const { api, connection } = this.#options;
    this.#followed = job;
    this.#following = new AbortController();
    const { signal } = this.#following;
    try {
      for await (const news of followJob(api, job.id, job.seen, signal, () => connection.reachable())) {
        await this.#take(job, news);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof RequestError)) throw error;
      await this.#giveUp(job, error);
    } finally {
      this.#followed = undefined;
    }
  }

  /**
   * @param {PageJob} job
   * @param {RequestError} error
   */
  async #giveUp(job, error) {
    if (error.status === 401) {
      this.#options.connection.refused();
      await this.#options.connection.reachable();
    } else if (error.status === 404) {
      this.#lose(job);
    } else {
      job.status = 'failed';
      job.isOver = true;
      job.trouble = error.message;
      this.#changed();
      this.#options.onEnd(job);
    }
  }

  /** @param {PageJob} job */
  #lose(job) {
    job.status = 'lost';
    job.isOver = true;
    job.trouble = LOST;
    this.#changed();
    this.#options.onEnd(job);
  }

  /**
   * @param {PageJob} job
   * @param {Followed} news
   */
  async #take(job, news) {
    if (news.kind === 'event') await this.#takeEvent(job, news.id, news.event);
    else job.trouble = news.kind === 'broken' ? `${news.message} Trying again.` : undefined;
    if (news.kind === 'broken') this.#options.connection.ask();
    this.#changed();
  }

  /**
   * @param {PageJob} job
   * @param {number} number
   * @param {JobEvent} event
   */
  async #takeEvent(job, number, event) {
    switch (event.type) {
      case 'image':
        await this.#takePicture(job, number, event);
        break;
      case 'done':
      case 'failed':
      case 'cancelled':
        this.#end(job, event);
        break;
      default:
        takeProgress(job, event);
    }
    job.seen = number;
  }

  /**
   * @param {PageJob} job
   * @param {number} number
   * @param {Extract<JobEvent, { type: 'image' }>} event
   */
  async #takePicture(job, number, event) {
    const blob = pictureBlob(event);
    job.done.add(event.index);
    job.previews.set(event.index, blob);
    try {
      await this.#options.onPicture(job, event, blob);
      job.kept = number;
    } catch (error) {
      // A fault with one picture is told, and ends neither this job nor those behind it.
      reportError(error);
    }
    // Not after its end: another tab may have seen that first.
    if (this.#jobs.includes(job)) this.#options.records.save(job);
  }

  /**
   * @param {PageJob} job
   * @param {Extract<JobEvent, { type: 'done' | 'failed' | 'cancelled' }>} event
   */
  #end(job, event) {
    job.status = event.type;
    job.isOver = true;
    job.trouble = event.type === 'failed' ? event.error.message : undefined;
    if (event.type === 'failed') this.#options.records.remove(job.id);
    else this.#remove(job);
    this.#options.onEnd(job);
  }

  /** @param {PageJob} job */
  #remove(job) {
    this.#options.records.remove(job.id);
    this.#jobs = this.#jobs.filter((other) => other !== job);
  }

  #changed() {
    this.#options.onChange();
  }

  /** Streams are few in a browser, and one is all that a page takes: the other jobs are asked after. */
  #schedulePoll() {
    clearTimeout(this.#poll);
    if (this.#jobs.filter(isOpen).length < 2) return;
    this.#poll = setTimeout(() => this.#askAfterOthers().finally(() => this.#schedulePoll()), POLL_MS);
  }

  async #askAfterOthers() {
    try {
      const { data } = await this.#options.api.jobs();
      this.#takeAnswers(new Map(data.map((answer) => [answer.id, answer])));
    } catch (error) {
      // The stream of the followed job breaks as well, and says so.
      if (!(error instanceof RequestError)) throw error;
    }
  }

  /** @param {ReadonlyMap<string, JobAnswer>} answers */
  #takeAnswers(answers) {
    for (const job of this.#jobs.filter((one) => isOpen(one) && one !== this.#followed)) {
      const answer = answers.get(job.id);
      if (answer !== undefined) takeAnswer(job, answer);
    }
    this.#changed();
    this.#switchToBetter();
  }

  /** Leaves the followed job for one that has more to show. */
  #switchToBetter() {
    const [next, followed] = [this.#next(), this.#followed];
    if (next !== undefined && followed !== undefined && rank(next) < rank(followed)) this.#following.abort();
  }
}
