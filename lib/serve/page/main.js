/** The page as a whole: starts its parts and has them hear of each other. */
import { Api, RequestError } from './api.js';
import { ApiKey } from './api-key.js';
import { BusyNotice } from './busy-notice.js';
import { Connection } from './connection.js';
import { byId } from './dom.js';
import { DrawForm } from './draw-form.js';
import { Gallery } from './gallery.js';
import { JobCards, shareDone, stateWords } from './job-cards.js';
import { JobRecords } from './job-records.js';
import { Jobs } from './jobs.js';
import { KeyDialog } from './key-dialog.js';
import { Announcer, Notices } from './notices.js';
import { Pictures } from './pictures.js';
import { safeStorage } from './safe-storage.js';
import { numberOf } from './settings.js';
import { Viewer } from './viewer.js';
import { plural, sentence } from './words.js';

/** @import { ServerState } from './connection.js' */
/** @import { DrawBody, JobEvent, PageJob, Picture } from './types.js' */

const FORM = 'svg-t2i.form';
const TITLE = document.title;
/** @type {Readonly<Record<ServerState['kind'], string>>} */
const SERVER_WORDS = {
  connecting: 'Connecting',
  ready: 'Ready',
  loading: 'Loading the model',
  failed: 'No model could be loaded',
  forbidden: 'The server forbids this page',
  unreachable: 'Server not reached, trying again',
  key: 'API key wanted',
};

const browser = safeStorage(() => localStorage);
const key = new ApiKey(
  safeStorage(() => sessionStorage),
  browser,
);
const api = new Api(document.baseURI, () => key.value);
const notices = new Notices(() => form.focusDraw());
const announcer = new Announcer();
const busy = new BusyNotice(notices);
const gallery = new Gallery((picture) => viewer.open(picture));
const viewer = new Viewer(gallery, { onAgain: ({ body }) => again(body), onDelete: deletePicture });
const form = new DrawForm(draw, (body) => browser.setItem(FORM, JSON.stringify(body)));
const connection = new Connection(api, () => key.value !== undefined, showServer);
const keyDialog = new KeyDialog(key, () => connection.ask());
const cards = new JobCards({
  onCancel: cancel,
  onAgain: ({ body }) => again(body),
  onDismiss: (job) => jobs.dismiss(job),
  onFocusLost: () => form.focusDraw(),
});
const jobs = new Jobs({
  api,
  connection,
  records: new JobRecords(browser),
  onChange: showJobs,
  onPicture: keep,
  onEnd: tellEnd,
});
/** Tabs of one browser share the pictures. */
const otherTabs = new BroadcastChannel('svg-t2i.pictures');
/** What the form was last filled from, as text. */
let shownCapabilities = '';
let isSending = false;
/** When the last picture came: two of one millisecond would have no order. */
let lastPicture = 0;
/** Quarters of a job that were said. @type {Map<string, number>} */
const quarters = new Map();

addEventListener('error', ({ message }) => tellFault(message));
addEventListener('unhandledrejection', ({ reason }) => tellFault(String(reason?.message ?? reason)));
addEventListener('online', () => connection.ask());
otherTabs.addEventListener('message', () => withStorage(() => gallery.load()));
byId('show-more', HTMLButtonElement).addEventListener('click', () => withStorage(() => gallery.showMore()));
byId('delete-all', HTMLButtonElement).addEventListener('click', () => withStorage(askToDeleteAll));
byId('delete-dialog', HTMLDialogElement).addEventListener('close', deleteAll);
connection.ask();
jobs.resume();
// Last: a store that fails, or never answers, holds up nothing.
await withStorage(async () => gallery.use(await Pictures.open()));

/** @param {ServerState} state */
function showServer(state) {
  const place = byId('server-state', HTMLParagraphElement);
  place.dataset.kind = state.kind;
  const words = state.kind === 'forbidden' ? sentence(state.message) : SERVER_WORDS[state.kind];
  // What is written again is read out again.
  if (place.textContent !== words) place.textContent = words;
  form.setConnected('capabilities' in state);
  keyDialog.offer(state.kind === 'key' || key.value !== undefined);
  if (state.kind === 'key') keyDialog.open(state.isRefused ? 'The server refuses this key.' : undefined);
  if (!('capabilities' in state)) return;
  const text = JSON.stringify(state.capabilities);
  if (text === shownCapabilities) return;
  shownCapabilities = text;
  form.show(state.capabilities, savedForm());
}

/** @returns {DrawBody} */
function savedForm() {
  try {
    return JSON.parse(browser.getItem(FORM) ?? '{}');
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

/** @param {DrawBody} body */
async function draw(body) {
  // A second press while the first is on its way means the same picture.
  if (isSending) return;
  isSending = true;
  busy.hide();
  notices.hide('draw');
  try {
    await jobs.submit(body);
    cards.reveal();
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    tellRefusal(error, body);
  } finally {
    isSending = false;
  }
}

/**
 * @param {RequestError} error
 * @param {DrawBody} body
 */
function tellRefusal(error, body) {
  const message = sentence(error.message);
  if (error.status === 401) connection.refused();
  else if (error.isBusy) busy.show(error, () => draw(body));
  else if (error.isUnreachable) {
    connection.ask();
    notices.show('draw', `${message} Nothing was sent.`, [{ text: 'Send it again', run: () => draw(body) }]);
  } else if (error.param === undefined || !form.refuse(error.param, message)) notices.show('draw', message);
}

/** @param {PageJob} job */
async function cancel(job) {
  try {
    await jobs.cancel(job);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    if (error.isUnreachable) connection.ask();
    notices.show('cancel', `${sentence(error.message)} The job was not cancelled.`);
  }
}

/** @param {DrawBody} body */
function again(body) {
  form.fill(body);
  browser.setItem(FORM, JSON.stringify(body));
  form.focus();
}

function showJobs() {
  cards.show(jobs.all);
  const running = jobs.all.find((job) => shareDone(job) !== undefined);
  const share = running && shareDone(running);
  document.title = share === undefined ? TITLE : `${Math.round(100 * share)} % ${TITLE}`;
  if (running === undefined || share === undefined) return;
  const quarter = Math.floor(4 * share);
  if (quarter === (quarters.get(running.id) ?? -1)) return;
  quarters.set(running.id, quarter);
  announcer.mention(stateWords(running));
}

/**
 * @param {PageJob} job
 * @param {Extract<JobEvent, { type: 'image' }>} event
 * @param {Blob} blob
 */
async function keep(job, { index, seed, width, height, output_format: format }, blob) {
  const count = numberOf(job.body, 'n') ?? 1;
  const body = { ...job.body, n: 1, seed };
  const id = `${job.id}/${index}`;
  lastPicture = Math.max(Date.now(), lastPicture + 1);
  const createdAt = lastPicture;
  form.drawn(seed);
  announcer.say(count === 1 ? 'The picture is done.' : `Picture ${index + 1} of ${count} is done.`);
  await changeStorage(() => gallery.add({ id, createdAt, blob, format, width, height, seed, body }));
}

/** @param {PageJob} job */
function tellEnd(job) {
  quarters.delete(job.id);
  if (job.status === 'cancelled') announcer.say('Cancelled.');
  else if (job.status !== 'done') announcer.say(stateWords(job));
}

/** @param {Picture} picture */
async function deletePicture({ id }) {
  await changeStorage(() => gallery.remove(id));
}

async function askToDeleteAll() {
  const count = plural(await gallery.total(), 'picture');
  byId('delete-text', HTMLParagraphElement).textContent =
    `${count} will be gone from this browser. The server has no copies.`;
  const dialog = byId('delete-dialog', HTMLDialogElement);
  dialog.returnValue = '';
  dialog.showModal();
}

async function deleteAll() {
  if (byId('delete-dialog', HTMLDialogElement).returnValue !== 'delete') return;
  await changeStorage(() => gallery.clear());
  byId('pictures-title', HTMLHeadingElement).focus();
}

/** Changes what this browser keeps, and tells other tabs. @param {() => Promise<void>} change */
async function changeStorage(change) {
  await withStorage(async () => {
    await change();
    otherTabs.postMessage('changed');
  });
}

/** Works with what this browser keeps, and goes on without where it refuses. @param {() => Promise<void>} work */
async function withStorage(work) {
  try {
    await work();
  } catch (error) {
    // Anything but the browser's own word on its storage is a fault of the page.
    if (!(error instanceof DOMException)) throw error;
    tellStorage(error);
    // One that is full can still be read, and has room again when pictures are deleted.
    if (error.name !== 'QuotaExceededError') await gallery.goOnWithout();
  }
}

/** @param {DOMException} error */
function tellStorage(error) {
  const message =
    error.name === 'QuotaExceededError'
      ? 'This browser has no room for more pictures. New ones are shown, but are gone when this page is closed: download them, or delete others.'
      : `This browser keeps no pictures (${error.name}): they are gone when this page is closed. Download those that you want to keep.`;
  notices.show('storage', message);
}

/** @param {string} message */
function tellFault(message) {
  notices.show('fault', `Something went wrong in this page: ${sentence(message)}`, [
    { text: 'Reload the page', run: () => location.reload(), kind: 'primary' },
  ]);
}
