/**
 * Kills, full disks and failing disks at the calls that change files: no half file, an error that names what failed, and
 * the next call completes the work to the same bytes. Here at a few calls; `node scripts/fault-injection.mjs` takes all of them.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../e2e/cli.js';
import { compileShim, FAULT_KINDS, type FaultKind, listCalls, runWithFault } from './inject.js';
import { type Ground, lossesIn, prepareGround, type Scenario } from './scenarios.js';
import { filesIn, halfFiles, unfinishedFiles } from './whole.js';

/** What `run` tells of a killed process. */
const KILLED = 128 + constants.signals.SIGKILL;

/** Of each kind the places, as shares of a run's calls. */
type Places = Partial<Record<FaultKind, readonly number[]>>;
const SAMPLE: Readonly<Record<string, Places>> = {
  train: { kill: [0.35, 0.8], ENOSPC: [0.6], full: [0.3] },
  cache: { kill: [0.5], EIO: [0.7] },
  convert: { kill: [0.6], ENOSPC: [0.8] },
  quantize: { kill: [0.1, 0.5, 0.9], ENOSPC: [0.4] },
  sample: { kill: [0.4], EIO: [0.6] },
  export: { kill: [0.7] },
  install: { kill: [0.1, 0.7], ENOSPC: [0.02, 0.3, 0.6], EIO: [0.9], full: [0.05] },
  pull: { kill: [0.1, 0.3, 0.6, 0.9], ENOSPC: [0.2, 0.5, 0.85], EIO: [0.4], full: [0.3] },
};
/** Set by scripts/fault-injection.mjs: all calls, or of the same calls in a row the first and the last. */
const points = process.env.FAULT_POINTS;
const kinds = process.env.FAULT_KINDS?.split(',') ?? FAULT_KINDS;
const LONG_MS = points === undefined ? 600_000 : 7 * 24 * 3600_000;

const shim = compileShim();
if (shim === undefined) console.log('not run: faults of the file system (no cc on PATH)');

describe.runIf(shim !== undefined)('a fault', () => {
  let ground: Ground;
  beforeAll(async () => {
    ground = await prepareGround();
  }, LONG_MS);
  afterAll(() => {
    ground.hub.close();
    rmSync(ground.workshop.folder, { recursive: true });
    shim?.remove();
  });

  it.each(Object.keys(SAMPLE))(
    'in %s leaves nothing half, and is made good by the next call',
    async (name) => {
      const scenario = ground.scenarios.find((one) => one.name === name) as Scenario;
      expect(await new Trial(scenario, ground.workshop.folder).run()).toEqual([]);
    },
    LONG_MS,
  );
});

/** One command at all its places. */
class Trial {
  readonly #scenario: Scenario;
  readonly #folder: string;
  readonly #reference: string;
  readonly #problems: string[] = [];

  constructor(scenario: Scenario, workshop: string) {
    this.#scenario = scenario;
    // Of one name: an export is called as its run.
    this.#folder = join(workshop, 'faulty', scenario.name);
    this.#reference = join(workshop, 'intact', scenario.name);
  }

  async run(): Promise<readonly string[]> {
    const { args, env, name } = this.#scenario;
    const shimPath = shim?.path ?? '';
    const of = (folder: string) => ({ shim: shimPath, folder, env: env?.(folder) });
    mkdirSync(this.#reference, { recursive: true });
    const calls = await listCalls(args(this.#reference), of(this.#reference));
    for (const kind of FAULT_KINDS.filter((one) => kinds.includes(one))) {
      for (const at of places(name, kind, calls)) {
        rmSync(this.#folder, { recursive: true, force: true });
        mkdirSync(this.#folder, { recursive: true });
        const where = `${kind} at call ${at} of ${calls.length} (${calls[at - 1]})`;
        const { code, stderr } = await runWithFault(args(this.#folder), { ...of(this.#folder), kind, at });
        const problems = [...this.#checkEnd(kind, code, stderr), ...this.#checkHalf()];
        problems.push(...(await this.#checkNext()));
        this.#problems.push(...problems.map((problem) => `${where}: ${problem}`));
        if (points !== undefined) console.log(`${name}: ${where}: ${problems.join('; ') || 'ok'}`);
      }
    }
    return this.#problems;
  }

  #checkEnd(kind: FaultKind, code: number | null, stderr: string): readonly string[] {
    if (kind === 'kill') return code === KILLED || code === 0 ? [] : [`ended with ${code}: ${stderr}`];
    // A fault may hit what is not needed, as a leftover that is removed.
    if (code === 0) return [];
    const [what, wanted] =
      kind === 'EIO' ? ['EIO', /EIO|input\/output error/i] : ['a full disk', /ERR_SVGT2I_DISK_FULL/];
    const error = stderr.slice(Math.max(0, stderr.indexOf('error:')));
    return wanted.test(error) && /ERR_SVGT2I_/.test(error) ? [] : [`does not name ${what}: ${stderr}`];
  }

  #checkHalf(): readonly string[] {
    return halfFiles(this.#folder).map((path) => `${path} is half`);
  }

  async #checkNext(): Promise<readonly string[]> {
    const { again, env, varies } = this.#scenario;
    const { code, stderr } = await run(again(this.#folder), { env: env?.(this.#folder) ?? {} });
    if (code !== 0) return [`the next call ended with ${code}: ${stderr}`];
    const problems = unfinishedFiles(this.#folder).map((path) => `${path} stays`);
    const names = (folder: string) => filesIn(folder).filter((path) => !/^events\.out/.test(path));
    const [is, should] = [names(this.#folder), names(this.#reference)];
    if (is.join('\n') !== should.join('\n')) return [...problems, `files are ${is}, not ${should}`];
    for (const path of should.filter((one) => varies?.test(one) !== true)) {
      const [one, other] = [this.#folder, this.#reference].map((folder) => readFileSync(join(folder, path)));
      if (one === undefined || other?.equals(one) !== true) problems.push(`${path} has other bytes`);
    }
    if (should.includes('metrics.jsonl')) {
      const [one, other] = [this.#folder, this.#reference].map((folder) => JSON.stringify(lossesIn(folder)));
      if (one !== other) problems.push('the losses are others');
    }
    return problems;
  }
}

/** Numbers of calls, from 1. */
function places(name: string, kind: FaultKind, calls: readonly string[]): readonly number[] {
  if (points === undefined) {
    const shares = SAMPLE[name]?.[kind] ?? [];
    return shares.map((share) => Math.min(calls.length, 1 + Math.floor(share * calls.length)));
  }
  const isEdge = (i: number) => calls[i] !== calls[i - 1] || calls[i] !== calls[i + 1];
  return calls.flatMap((_, i) => (points === 'all' || isEdge(i) ? [i + 1] : []));
}
