import { expect, it } from 'vitest';
import { inlineImage, inlineProtocol } from '../../lib/cli/inline-image.js';

it.each([
  [{}, undefined],
  [{ TERM: 'xterm-256color' }, undefined],
  [{ TERM: 'xterm-kitty' }, 'kitty'],
  [{ KITTY_WINDOW_ID: '1', TMUX: '/tmp/tmux' }, undefined],
  [{ TERM_PROGRAM: 'iTerm.app' }, 'iterm2'],
  [{ TERM_PROGRAM: 'Apple_Terminal' }, undefined],
])('tells from %j how pictures are shown', (env, protocol) => {
  expect(inlineProtocol(env)).toBe(protocol);
});

it('sends iTerm2 the whole file at once', () => {
  const text = inlineImage(Buffer.from('picture'), 'iterm2', 12);
  expect(text).toBe('\u001b]1337;File=inline=1;size=7;height=12:cGljdHVyZQ==\u0007');
});

it('sends kitty chunks of which all but the last say that more come', () => {
  const png = Buffer.alloc(7000, 1);
  const text = inlineImage(png, 'kitty', 12);
  const messages = text.split('\u001b\\').slice(0, -1);
  const parts = messages.map((message) => message.replace('\u001b_G', '').split(';'));
  expect(parts.map(([keys]) => keys)).toEqual(['a=T,f=100,r=12,m=1', 'm=1', 'm=0']);
  expect(parts.every(([, data]) => (data?.length ?? 0) <= 4096)).toBe(true);
  expect(Buffer.from(parts.map(([, data]) => data).join(''), 'base64')).toEqual(png);
});
