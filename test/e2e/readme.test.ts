/** The README's programs run as they stand on every Node.js that the package supports. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const documents = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)].filter(
  (name) => name.endsWith('.md'),
);

interface Program {
  readonly document: string;
  readonly text: string;
}

function programs(language: string): Program[] {
  return documents.flatMap((document) => {
    const fence = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm');
    return [...readFileSync(join(root, document), 'utf8').matchAll(fence)].map(([, text = '']) => ({
      document,
      text,
    }));
  });
}

it('parses every program in JavaScript as Node.js 20 would', () => {
  expect(programs('js').length).toBeGreaterThan(0);
  for (const { document, text } of programs('js')) {
    const check = spawnSync(process.execPath, ['--input-type=module', '--check'], {
      input: text,
      encoding: 'utf8',
    });
    expect({ document, stderr: check.stderr }).toEqual({ document, stderr: '' });
    // A newer Node.js knows more: what it would have to be translated for is not in there.
    const { outputText } = ts.transpileModule(text, {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    });
    expect(outputText).not.toContain('__addDisposableResource');
  }
});

it('runs the first program, on the small model', () => {
  const [first] = programs('js');
  const folder = mkdtempSync(join(tmpdir(), 'svg-readme-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/svg-t2i'));
  symlinkSync(join(root, 'models/shapes'), join(folder, 'pre-trained'));
  const small = (first?.text ?? '').replaceAll('768', '64').replaceAll('512', '32');
  writeFileSync(join(folder, 'draw.mjs'), small.replaceAll('count: 2', 'count: 2, steps: 2'));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['draw.mjs'], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, FORCE_COLOR: '0' },
  });
  expect({ status, stdout }, stderr).toEqual({ status: 0, stdout: '[ 0, 1, 2, 3 ]\n' });
  expect(existsSync(join(folder, 'fox.png'))).toBe(true);
  rmSync(folder, { recursive: true });
});
