import { defineConfig } from 'vitest/config';
import common from '../../vitest.config.js';

export default defineConfig({
  test: { ...common.test, include: ['test/load/*.load.ts'], disableConsoleIntercept: true },
});
