/** Numbers and names as the page writes them. */
import { expect, test } from 'vitest';
import { settingRows } from '../../lib/serve/page/settings.js';
import { byteSize, duration, fileName, label, megapixels } from '../../lib/serve/page/words.js';

test.each([
  [0.2, '1 s'],
  [59.4, '59 s'],
  [60, '1 min'],
  [61.4, '1 min 1 s'],
  [3900, '1 h 5 min'],
])('%d seconds are %s', (seconds, words) => {
  expect(duration(seconds)).toBe(words);
});

test.each([
  [12, '1 kB'],
  [1_440_000, '1.4 MB'],
  [31_200_000, '31 MB'],
  [2_500_000_000, '2.5 GB'],
])('%d bytes are %s', (bytes, words) => {
  expect(byteSize(bytes)).toBe(words);
});

test('sizes and labels', () => {
  expect(megapixels(1024 * 1024)).toBe('1 megapixel');
  expect(label('skip_type')).toBe('Skip type');
});

test.each([
  ['A red fox, in the snow!', 'a-red-fox-in-the-snow-7.png'],
  ['Ein Fuchs im Schnee: überall weiß', 'ein-fuchs-im-schnee-überall-weiß-7.png'],
  ['../../etc/passwd', 'etc-passwd-7.png'],
  ['!!!', 'picture-7.png'],
  ['x'.repeat(300), 'picture-7.png'],
])('a file of "%s" is named by its words', (subject, name) => {
  expect(fileName({ subject, seed: 7, format: 'png' })).toBe(name);
});

test('settings are listed with what people look for first, without what is empty', () => {
  const body = { prompt: 'p', n: 1, order: 2, negative_prompt: '', seed: 5, size: '64x64' };
  expect(settingRows(body)).toEqual({
    main: [
      ['Size', '64x64'],
      ['Seed', '5'],
    ],
    others: [['Order', '2']],
  });
});
