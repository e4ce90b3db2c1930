/** Where the device `auto` leads. */
import { expect, it } from 'vitest';
import { deviceFor } from '../../lib/engine.js';

it('takes a GPU where there is one, and leaves what was named', () => {
  expect(deviceFor('auto', { cudaDevices: 2 })).toBe('cuda');
  expect(deviceFor('auto', { cudaDevices: 0 })).toBe('cpu');
  expect(deviceFor('cuda:3', { cudaDevices: 0 })).toBe('cuda:3');
  expect(deviceFor('cpu', { cudaDevices: 1 })).toBe('cpu');
});
