import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/environment.ts'],
    // Every addon test brings its own engine with its own threads: one file at a time, each in its own process.
    pool: 'forks',
    fileParallelism: false,
    // Only to end a hang: on a loaded machine everything takes several times as long.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    teardownTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
  },
});
