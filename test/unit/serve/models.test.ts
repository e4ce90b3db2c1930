// Several models: one after another, one that fails, all that fail, a stop in the middle; and serve() itself.
import { describe, expect, it } from 'vitest';
import { type LoadModel, ModelSet } from '../../../lib/serve/models.js';
import { serve } from '../../../lib/serve/serve.js';
import { startServer } from '../../../lib/serve/server.js';
import { FakeDrawer, settingsOf } from './fake-drawer.js';

const silent = { loading: () => undefined, ready: () => undefined, failed: () => undefined };
const places = ['a', 'b', 'c'].map((name) => ({ name, options: { pretrained: name } }));

describe('ModelSet', () => {
  it('loads one at a time, and goes on behind one that fails', async () => {
    const models = new ModelSet(places);
    let loading = 0;
    const load: LoadModel = async ({ pretrained }) => {
      expect(++loading).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      loading--;
      if (pretrained === 'b') throw new Error('no b');
      return new FakeDrawer();
    };
    const loaded = models.load(load, silent);
    expect(models.ready).toBe(false);
    expect(() => models.resolve('c').drawer).toThrow(
      expect.objectContaining({ status: 503, code: 'model_loading' }),
    );
    await loaded;
    expect([models.ready, models.list().map(({ state }) => state)]).toEqual([
      true,
      ['ready', 'failed', 'ready'],
    ]);
    expect(() => models.resolve('b').drawer).toThrow(
      expect.objectContaining({ status: 503, code: 'model_failed' }),
    );
    await models.dispose();
  });

  it('rejects with the last failure where none can draw', async () => {
    const models = new ModelSet(places);
    const load: LoadModel = ({ pretrained }) => Promise.reject(new Error(`no ${pretrained}`));
    await expect(models.load(load, silent)).rejects.toThrow('no c');
    expect(models.ready).toBe(false);
  });

  it('ends the loading that it is in', async () => {
    const models = new ModelSet(places);
    const load: LoadModel = ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const loaded = models.load(load, silent);
    loaded.catch(() => undefined);
    await models.dispose();
    await expect(loaded).rejects.toMatchObject({ code: 'ERR_SVGT2I_DISPOSED' });
    expect(models.list().map(({ state }) => state)).toEqual(['loading', 'waiting', 'waiting']);
  });
});

describe('a server whose models are being loaded', () => {
  it('answers: alive, not ready, and 503 with a time to requests', async () => {
    let finish: () => void = () => undefined;
    const load: LoadModel = () =>
      new Promise((resolve) => {
        finish = () => resolve(new FakeDrawer());
      });
    const { url, ready, close } = await startServer(settingsOf(), { load });
    const status = async (path: string) => (await fetch(`${url}${path}`)).status;
    expect([await status('/health'), await status('/ready')]).toEqual([200, 503]);
    const refused = await fetch(`${url}/v1/jobs`, { method: 'POST', body: '{"prompt":"a"}' });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    const told = (await (await fetch(`${url}/v1/capabilities`)).json()) as { models: unknown };
    expect(told.models).toEqual([{ id: 'shapes', object: 'model', ready: false, state: 'loading' }]);
    finish();
    await ready;
    expect(await status('/ready')).toBe(200);
    await close();
  });
});

describe('serve()', () => {
  it('checks its options before it listens', async () => {
    await expect(serve({ prot: 1 } as never)).rejects.toMatchObject({
      ...{ code: 'ERR_SVGT2I_INVALID_ARGUMENT', message: 'unknown key "prot", did you mean "port"?' },
    });
    await expect(serve({ host: '0.0.0.0' })).rejects.toMatchObject({ code: 'ERR_SVGT2I_INVALID_CONFIG' });
    const twice = [{ pretrained: '/x/one' }, { pretrained: new URL('file:///y/one') }];
    await expect(serve({ models: twice })).rejects.toThrow('models: two are called one');
  });

  it('says by `ready` that nothing could be loaded', async () => {
    const server = await serve({ port: 0, log: 'off', models: [{ pretrained: '/nowhere/at/all' }] });
    await expect(server.ready).rejects.toMatchObject({ code: 'ERR_SVGT2I_WEIGHTS_MISSING' });
    await server.close();
  });
});
