/** Clears what a developer's shell says of the hub and of proxies, so that tests ask nobody and find no weights of theirs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const OTHERS = /^(HF_.*|HUGGINGFACE_HUB_CACHE|HUGGING_FACE_HUB_TOKEN|TRANSFORMERS_OFFLINE)$/;
const PROXIES = /_proxy$/i;

for (const name of Object.keys(process.env)) {
  if (OTHERS.test(name) || PROXIES.test(name)) delete process.env[name];
}

// Two files run at a time; models this small gain nothing from a second thread.
process.env.OMP_NUM_THREADS ??= '1';

const home = mkdtempSync(join(tmpdir(), 'svg-hf-'));
process.env.HF_HOME = home;
afterAll(() => rmSync(home, { recursive: true, force: true }));
