/** What A1111's API means here: names of samplers, bodies of txt2img, and what is remembered of clients. */
import { describe, expect, it } from 'vitest';
import { txt2imgSchema } from '../../../lib/config/a1111-request.js';
import { solverOf } from '../../../lib/serve/a1111/samplers.js';
import { A1111Sessions, progressAnswer } from '../../../lib/serve/a1111/sessions.js';
import { drawBodyOf } from '../../../lib/serve/a1111/txt2img.js';
import type { Job } from '../../../lib/serve/job.js';

describe('solverOf', () => {
  it.each([
    ['DPM++ 2M', 'dpm++'],
    ['euler', 'euler'],
    ['Euler', 'euler'],
    ['Heun', 'heun'],
    ['Automatic', undefined],
    ['', undefined],
    [undefined, undefined],
    [null, undefined],
  ])('reads %j as %j', (name, solver) => {
    expect(solverOf(name)).toBe(solver);
  });
});

describe('drawBodyOf', () => {
  const bodyOf = (fields: object, model?: string) => drawBodyOf(txt2imgSchema.parse(fields), model);

  it('counts pictures of all rounds, and takes one side for both', () => {
    expect(bodyOf({ prompt: 'a', batch_size: 2, n_iter: 3, width: 64 })).toMatchObject({
      n: 6,
      width: 64,
      height: 64,
    });
  });

  it('draws at random below 0, also where the number is a text', () => {
    expect([-1, '-1', null, undefined, 0, '7'].map((seed) => bodyOf({ seed }).seed)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      0,
      7,
    ]);
  });

  it("takes the request's own model before the one that was chosen", () => {
    expect(bodyOf({}, 'chosen').model).toBe('chosen');
    expect(bodyOf({ override_settings: { sd_model_checkpoint: 'own' } }, 'chosen').model).toBe('own');
  });
});

describe('A1111Sessions', () => {
  it('keeps the models of the last thousand clients, and of those for whom it draws', () => {
    const sessions = new A1111Sessions();
    const drawing = { finished: new Promise(() => undefined) } as unknown as Job;
    for (const client of ['idle', 'busy']) sessions.choose(client, 'm');
    sessions.follow('busy', drawing);
    for (let i = 0; i < 1000; i++) sessions.choose(`client ${i}`, 'm');
    expect(['idle', 'busy', 'client 999'].map((client) => sessions.modelOf(client))).toEqual([
      undefined,
      'm',
      'm',
    ]);
  });

  it('forgets a job at its end', async () => {
    const sessions = new A1111Sessions();
    let end = () => {};
    const finished = new Promise<void>((resolve) => {
      end = resolve;
    });
    sessions.follow('a', { finished } as unknown as Job);
    expect(sessions.jobsOf('a')).toHaveLength(1);
    expect(sessions.jobsOf('b')).toHaveLength(0);
    end();
    await finished;
    expect(sessions.jobsOf('a')).toHaveLength(0);
  });
});

describe('progressAnswer', () => {
  it('is 0 where nothing is drawn alone', () => {
    const job = { progress: { step: 0, steps: 0, etaSeconds: null } } as Job;
    expect(progressAnswer([])).toMatchObject({ progress: 0, state: { job: '', job_count: 0 } });
    expect(progressAnswer([job])).toMatchObject({ progress: 0.01, eta_relative: 0, state: { job_count: 1 } });
  });
});
