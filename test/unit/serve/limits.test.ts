// What an operator lets callers ask for, as programs that say nothing and the page meet it.
import { afterEach, describe, expect, it } from 'vitest';
import type { ServeSettings } from '../../../lib/config/serve-settings.js';
import type { Settings } from '../../../lib/config/settings.js';
import { SvgT2IError } from '../../../lib/errors.js';
import type { GenerateRequest } from '../../../lib/pipeline/types.js';
import type { Capabilities } from '../../../lib/serve/page/types.js';
import { FakeDrawer, serveFake } from './fake-drawer.js';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

class DrawerWith extends FakeDrawer {
  override readonly defaults: Settings;

  constructor(defaults: Settings) {
    super();
    this.defaults = { width: 64, height: 64, ...defaults };
  }
}

function withClasses(models: FakeDrawer['models']): FakeDrawer['models'] {
  if (models.dit === undefined) throw new Error('the fake has no transformer');
  return { ...models, dit: { ...models.dit, condition: 'class', classes: 3 } };
}

/** Of classes, and trained on pictures of a class alone: nothing to guide away from. */
class UnguidedDrawer extends FakeDrawer {
  override readonly models = withClasses(new FakeDrawer().models);

  override check(request: GenerateRequest) {
    const settings = super.check(request);
    if (settings.guidanceScale === 1) return settings;
    throw new SvgT2IError('ERR_SVGT2I_INVALID_ARGUMENT', 'guidanceScale: it knows no class "none"');
  }
}

async function start(settings: ServeSettings, drawer = new FakeDrawer()) {
  const server = await serveFake(settings, drawer);
  closing.push(() => server.close(0));
  const told = async () => {
    const answer = await fetch(`${server.url}/v1/capabilities`);
    expect(answer.status).toBe(200);
    return (await answer.json()) as Capabilities;
  };
  const draw = async (body: object) => {
    const answer = await fetch(`${server.url}/v1/images/generations`, {
      method: 'POST',
      body: JSON.stringify({ prompt: 'a', ...body }),
    });
    return { status: answer.status, text: await answer.text() };
  };
  return { told, draw, drawer };
}

describe('one step a picture at most', () => {
  it.each<[Settings, object, object]>([
    [{ solver: 'dpm++', order: 2 }, {}, { steps: 1, order: 1 }],
    [{ solver: 'euler' }, {}, { steps: 1, solver: 'dpm++', order: 1 }],
    [{ solver: 'dpm++', order: 3 }, { solver: 'dpm++' }, { steps: 1, order: 1 }],
  ])('of %j: a body that says %j of it is drawn with %j', async (defaults, body, drawn) => {
    const { draw, drawer, told } = await start({ maxSteps: 1 }, new DrawerWith(defaults));
    expect(await draw(body)).toMatchObject({ status: 200 });
    expect(drawer.begun).toMatchObject([drawn]);
    expect((await told()).models[0]).toMatchObject({
      defaults: { num_inference_steps: 1, solver: 'dpm++', order: 1 },
    });
  });

  it('ends on the way what a solver draws that chooses its own', async () => {
    const { draw, told } = await start({ maxSteps: 1 }, new DrawerWith({ solver: 'dopri5' }));
    expect(await draw({})).toMatchObject({ status: 422 });
    expect((await told()).models[0]).toMatchObject({ defaults: { solver: 'dopri5' } });
  });

  it('is told to whoever asks for what needs two', async () => {
    const { draw, drawer } = await start({ maxSteps: 1 });
    for (const body of [{ order: 2 }, { solver: 'heun' }, { num_inference_steps: 2 }]) {
      const answer = await draw(body);
      expect(answer, JSON.stringify(body)).toMatchObject({ status: 400 });
      expect(answer.text).toContain('"param":"num_inference_steps"');
    }
    expect(drawer.begun).toEqual([]);
  });
});

describe('what the page offers', () => {
  it('is within the limits, and is drawn', async () => {
    const limits = { maxPictures: 2, maxSteps: 3, maxPixels: 32 * 32, maxPromptCharacters: 9 };
    const { told, draw } = await start(limits);
    const { limits: shown, models } = await told();
    expect(shown).toMatchObject({ n: 2, steps: 3, pixels: 1024, prompt_characters: 9 });
    const [model] = models;
    if (model?.ready !== true) throw new Error('it is not loaded');
    expect(model.defaults).toMatchObject({ size: '32x32', num_inference_steps: 3 });
    expect(model.sizes).toContain('32x32');
    for (const size of model.sizes) expect(await draw({ size, n: 2 }), size).toMatchObject({ status: 200 });
    for (const body of [
      { n: 3 },
      { num_inference_steps: 4 },
      { size: '48x32' },
      { prompt: 'a'.repeat(10) },
    ]) {
      const answer = await draw(body);
      expect(answer, JSON.stringify(body)).toMatchObject({ status: 400 });
      expect(answer.text).toContain('"code":"limit_exceeded"');
    }
  });

  it('of classes without "none" is no guidance', async () => {
    const { told } = await start({}, new UnguidedDrawer());
    expect((await told()).models).toMatchObject([
      { condition: 'class', classes: 3, system_prompts: [], defaults: { guidance_scale: 1 } },
    ]);
  });
});
