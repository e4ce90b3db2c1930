import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parsePrompts, readPromptFile } from '../../lib/text/prompt-file.js';
import {
  formatNegativePrompt,
  formatPrompt,
  SYSTEM_PROMPTS,
  systemPromptText,
} from '../../lib/text/system-prompts.js';

function promptsOf(text: string, extension: string): readonly string[] {
  return parsePrompts(text, extension, `prompts${extension}`).map((entry) => entry.prompt);
}

describe('parsePrompts', () => {
  it('reads a prompt a line and skips empty lines', () => {
    const text = '\ufeffa fox\r\n\r\n  a red circle  \nlast';
    expect(parsePrompts(text, '.txt', 'p.txt')).toEqual([
      { prompt: 'a fox', position: 1 },
      { prompt: 'a red circle', position: 3 },
      { prompt: 'last', position: 4 },
    ]);
  });

  it('prefers the refined prompt, then the prompt, then the caption', () => {
    const lines = [
      '{"prompt":"b","refined_prompt":"a","gpt_4_caption":"c"}',
      '{"prompt":"b","gpt_4_caption":"c"}',
      '{"gpt_4_caption":"c"}',
      '"plain"',
      '{"super_high_quality_caption":"d","score":NaN}',
    ];
    expect(promptsOf(lines.join('\n'), '.jsonl')).toEqual(['a', 'b', 'c', 'plain', 'd']);
    expect(promptsOf(`[${lines.join(',')}]`, '.json')).toEqual(['a', 'b', 'c', 'plain', 'd']);
  });

  it('names the line or the item that is wrong', () => {
    expect(() => promptsOf('"ok"\n\n{"prompt":}', '.jsonl')).toThrow(/^prompts\.jsonl:3: no JSON/);
    expect(() => promptsOf('"ok"\n{"text":"x"}', '.jsonl')).toThrow(/^prompts\.jsonl:2: none of the keys/);
    expect(() => promptsOf('[{"prompt":7}]', '.json')).toThrow(
      /^prompts\.json: item 1: "prompt" is no string/,
    );
    expect(() => promptsOf('[null]', '.json')).toThrow(/item 1: neither/);
    expect(() => promptsOf('{"prompt":"x"}', '.json')).toThrow(/no list/);
    expect(() => promptsOf('\n \n', '.txt')).toThrow(/holds no prompts/);
  });
});

describe('readPromptFile', () => {
  it('goes by the file ending', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'svg-t2i-prompts-')), 'p.JSONL');
    writeFileSync(path, '{"prompt":"写实"}\n');
    expect(await readPromptFile(path)).toEqual([{ prompt: '写实', position: 1 }]);
  });

  it('names line and byte of what is no UTF-8', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'svg-t2i-prompts-')), 'p.txt');
    writeFileSync(path, Buffer.from('a fox\n\u00e9t\u00e9', 'latin1'));
    await expect(readPromptFile(path)).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_FORMAT',
      message: `${path}:2: not UTF-8: byte 0xe9 at position 6`,
      hint: expect.stringContaining('iconv'),
    });
  });

  it('says which file is missing', async () => {
    await expect(readPromptFile('/nowhere/p.txt')).rejects.toMatchObject({
      code: 'ERR_SVGT2I_FILE_NOT_FOUND',
    });
  });
});

describe('system prompts', () => {
  it('knows the published names and takes own text as it stands', () => {
    expect(Object.keys(SYSTEM_PROMPTS)).toEqual([
      'align',
      'base',
      'aesthetics',
      'real',
      '4grid',
      'empty',
      'enhance',
    ]);
    expect(systemPromptText('base')).toMatch(/<Prompt Start> $/);
    expect(systemPromptText('toString')).toBe('toString');
    expect(formatPrompt('a fox', 'Draw: ')).toBe('Draw: a fox');
    expect(formatPrompt('a fox', 'empty')).toBe('a fox');
  });

  it('leaves the empty negative prompt without a system prompt', () => {
    expect(formatNegativePrompt('', 'align')).toBe('');
    expect(formatNegativePrompt('blurred', 'base')).toBe(`${SYSTEM_PROMPTS.base}blurred`);
  });
});
