import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/environment.ts'],
    // Each file in its own process, with engines of its own: two at a time, of one thread each (test/environment.ts).
    pool: 'forks',
    maxWorkers: 2,
    // Only to end a hang: on a loaded machine everything takes several times as long.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    teardownTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
  },
});
