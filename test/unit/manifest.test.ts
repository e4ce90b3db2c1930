import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { putPublishedManifest, restoreManifest } from '../../scripts/manifest.mjs';

const text = `{
  "name": "svg-t2i", "version": "1.2.3",
  "scripts": { "test": "node scripts/test.mjs" },
  "dependencies": { "zod": "4" },
  "devDependencies": { "vitest": "4" }
}
`;
let root: string;
const read = () => readFileSync(join(root, 'package.json'), 'utf8');

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'svg-t2i-manifest-'));
  writeFileSync(join(root, 'package.json'), text);
});

describe('the manifest while npm packs', () => {
  it('lacks what only a clone can use, and comes back to the byte', () => {
    putPublishedManifest(root);
    expect(JSON.parse(read())).toEqual({ name: 'svg-t2i', version: '1.2.3', dependencies: { zod: '4' } });
    restoreManifest(root);
    expect(read()).toBe(text);
    restoreManifest(root);
    expect(read()).toBe(text);
  });

  it('comes back where packing was cut off, also before it is packed again', () => {
    putPublishedManifest(root);
    putPublishedManifest(root);
    restoreManifest(root);
    expect(read()).toBe(text);
  });

  it('is left alone where somebody has changed it since', () => {
    putPublishedManifest(root);
    const changed = text.replace('1.2.3', '1.3.0');
    writeFileSync(join(root, 'package.json'), changed);
    restoreManifest(root);
    expect(read()).toBe(changed);
    expect(existsSync(join(root, 'build/package.json.kept'))).toBe(false);
  });
});
