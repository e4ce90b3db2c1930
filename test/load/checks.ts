/** What must hold after a load of any size, on a machine however busy. */
import { expect } from 'vitest';
import type { LoadReport } from './load.js';
import type { Served } from './served.js';

const MOST_GROWTH = 1.1;

export function expectNothingLost(report: LoadReport, requests: number): void {
  const { outcomes, lost, misread, jobs } = report;
  expect(lost).toEqual([]);
  expect(misread).toEqual([]);
  expect(
    outcomes.flatMap(({ planned, wrong }) =>
      wrong.map((what) => `${planned.way} ${planned.number}: ${what}`),
    ),
  ).toEqual([]);
  expect(new Set(outcomes.map(({ planned }) => planned.number)).size).toBe(requests);
  const ids = outcomes.flatMap(({ job }) => job ?? []);
  expect(new Set(ids).size).toBe(ids.length);
  // Of those who hung up, some did before the server knew of a job, and some as the last picture was on its way.
  const whole = outcomes.filter(({ end }) => end !== 'left').length;
  const hungUp = outcomes.filter(({ end, job }) => end === 'left' && job === undefined).length;
  const cancelled = outcomes.length - whole - hungUp;
  expect(jobs.failed).toBe(0);
  expect(jobs.done).toBeGreaterThanOrEqual(whole);
  expect(jobs.done).toBeLessThanOrEqual(whole + hungUp);
  expect(jobs.cancelled).toBeGreaterThanOrEqual(cancelled);
  expect(jobs.done + jobs.cancelled).toBeLessThanOrEqual(requests);
}

/** Queue, batch, store, sockets and memory are as they were. */
export function expectNothingLeft({ left, memory, sockets }: LoadReport): void {
  expect(Object.values(left)).toEqual(Object.values(left).map(() => 0));
  expect(sockets[1]).toBe(sockets[0]);
  expect(memory[1] / memory[0]).toBeLessThan(MOST_GROWTH);
}

export async function expectCleanEnd(served: Served): Promise<void> {
  expect(await served.drain()).toBe(0);
  expect(served.faults()).toEqual([]);
}
