/** Runs `svg-t2i pull`: a bar on a terminal, lines where there is none, JSON lines with --json. */
import { PUBLISHED } from '../config/hub-name.js';
import { pullSchema } from '../config/pull.js';
import { validate } from '../config/validate.js';
import { planPull, pull } from '../pull/pull.js';
import type { PullEvent, PullOptions, PullPlan, PullResult } from '../pull/types.js';
import { formatTable, note, printJson, printLine, warn } from './output.js';
import { createProgressBar, type ProgressBar } from './progress.js';
import { listenForInterrupt } from './signals.js';
import { formatBytes } from './units.js';

/** As commander gives them. */
export interface PullFlags {
  readonly for?: string;
  readonly include?: readonly string[];
  readonly into?: string;
  readonly connections?: unknown;
  readonly retries?: unknown;
  readonly list?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export async function runPull(name: string | undefined, flags: PullFlags): Promise<void> {
  const { list = false, dryRun = false, json = false, ...given } = flags;
  const config: PullOptions = validate(
    pullSchema,
    { ...given, ...(name === undefined ? {} : { name }) },
    { code: 'ERR_SVGT2I_USAGE', nameOf: (path) => (path === 'name' ? 'name' : `--${path}`) },
  );
  using interrupt = listenForInterrupt();
  const { signal } = interrupt;
  if (list || dryRun) {
    const onProgress = (event: PullEvent) => tellAside(event, json);
    const plan = await planPull({ ...config, signal, onProgress });
    if (json) return printJson({ type: 'plan', ...plan });
    if (list) printFiles(plan);
    else printPlan(plan, config);
    for (const message of plan.warnings) warn(message);
    return;
  }
  const screen = new PullScreen(json);
  let result: PullResult;
  try {
    result = await pull({ ...config, signal, onProgress: (event) => screen.show(event) });
  } finally {
    screen.stop();
  }
  if (json) return printJson({ type: 'done', ...result });
  const { folder, totalBytes, fetchedBytes, files } = result;
  const all = `${files.length} ${files.length === 1 ? 'file' : 'files'}, ${formatBytes(totalBytes)}`;
  note(
    fetchedBytes === 0
      ? `${all}: all of it was there`
      : `${all}, of which ${formatBytes(fetchedBytes)} were fetched`,
  );
  printLine(folder);
}

function tellAside(event: PullEvent, json: boolean): void {
  if (json) printJson(event);
  else if (event.type === 'retry') note(retryText(event));
}

function stateOf({ bytes, have }: PullPlan['files'][number]): string {
  if (have === bytes) return 'here';
  return have === 0 ? 'to fetch' : `${formatBytes(have)} here`;
}

function printFiles({ files, totalBytes, fetchBytes }: PullPlan): void {
  const rows = files.map((file) => [formatBytes(file.bytes), stateOf(file), file.repo, file.path]);
  printLine(formatTable(['size', 'state', 'repository', 'file'], rows));
  printLine(`${formatBytes(totalBytes)} in all, ${formatBytes(fetchBytes)} to fetch`);
}

function printPlan(plan: PullPlan, { into }: PullOptions): void {
  for (const { repo, revision, commit, folder } of plan.repositories) {
    const own = plan.files.filter((file) => file.repo === repo);
    const [bytes, have] = [sum(own.map((file) => file.bytes)), sum(own.map((file) => file.have))];
    printLine(`${repo}@${revision} (${commit.slice(0, 8)})`);
    printLine(`  files: ${own.length}, ${formatBytes(bytes)}, of which ${formatBytes(have)} are here`);
    printLine(`  into:  ${folder}`);
  }
  printLine(`to fetch: ${formatBytes(plan.fetchBytes)}`);
  printLine(`free on that disk: ${formatBytes(plan.freeBytes)}`);
  const use = useOf(plan, into !== undefined);
  if (use !== undefined) printLine(`then: ${use}`);
}

/** The flag that takes what was fetched; undefined where it is found by itself. */
function useOf({ name, folder, repositories }: PullPlan, intoFolder: boolean): string | undefined {
  const [first] = repositories;
  const value = intoFolder ? folder : name;
  if (first?.repo === PUBLISHED['gemma-2-2b']) return `--text-encoder ${value}`;
  return first?.repo === PUBLISHED['dinov3-s16plus'] ? undefined : `--pretrained ${value}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function retryText({ reason, waitMs }: { readonly reason: string; readonly waitMs: number }): string {
  return `${reason}; again in ${(waitMs / 1000).toFixed(1)} s`;
}

/** What takes more than a moment to hash. */
const LONG_BYTES = 200e6;
/** Without a terminal, so much of it is told at a time. */
const SHARE = 0.1;

class PullScreen {
  readonly #json: boolean;
  #bar: ProgressBar | undefined;
  #told = 0;

  constructor(json: boolean) {
    this.#json = json;
  }

  show(event: PullEvent): void {
    if (this.#json) {
      printJson(event);
      return;
    }
    switch (event.type) {
      case 'plan':
        if (event.fetchBytes > 0) {
          const from = event.repositories.map(({ repo }) => repo).join(', ');
          note(`fetching ${formatBytes(event.fetchBytes)} of ${from}`);
          this.#told = event.totalBytes - event.fetchBytes;
          this.#bar = createProgressBar(event.totalBytes, process.stderr.isTTY === true, this.#told);
        }
        break;
      case 'progress':
        this.#progress(event);
        break;
      case 'check':
        if (event.bytes >= LONG_BYTES) this.#aside(() => note(`checking ${event.path}`));
        break;
      case 'retry':
        this.#aside(() => note(retryText(event)));
        break;
      case 'wait':
        this.#aside(() => note(event.message));
        break;
      case 'warning':
        this.#aside(() => warn(event.message));
        break;
      case 'file':
        break;
    }
  }

  #progress({ doneBytes, totalBytes, path, bytesPerSecond }: Extract<PullEvent, { type: 'progress' }>): void {
    const amount = `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`;
    const rate = bytesPerSecond === 0 ? '' : `, ${formatBytes(Math.round(bytesPerSecond))}/s`;
    const name = path.split('/').at(-1) ?? path;
    if (process.stderr.isTTY) this.#bar?.update(doneBytes, `${amount}${rate}, ${name}`);
    else if (doneBytes - this.#told >= SHARE * totalBytes) {
      this.#told = doneBytes;
      note(`${amount}${rate}`);
    }
  }

  #aside(print: () => void): void {
    if (this.#bar === undefined) print();
    else this.#bar.aside(print);
  }

  stop(): void {
    this.#bar?.stop();
  }
}
