import { expect, test } from 'vitest';
import { blocks, codeFor } from '../readme-code.mjs';

const fence = '```';
const text = (mark: string, code: string) =>
  `Text\n\n${mark}\n${fence}ts\n${code}\n${fence}\n\n${fence}ts\nnot run\n${fence}\n`;

function block(code: string) {
  const [found] = blocks('README.md', text('<!-- run: a.ts -->', code));
  if (found === undefined) throw new Error('no block');
  return found;
}

test('only marked blocks are run', () => {
  const found = blocks('README.md', text('<!-- run: a.ts -->', 'run();'));
  expect(found).toEqual([{ file: 'README.md', name: 'a.ts', code: 'run();\n', adapters: [] }]);
});

test('a mark that is written wrongly is an error, not a block left out', () => {
  expect(() => blocks('README.md', text('<!-- run: a -->', 'run();'))).toThrow('1 run marks, but 0');
});

test('a block that names its backend by URL runs on every backend', () => {
  const code = "createLocks('file:./locks'); // or another";
  expect(codeFor(block(code), 'redis', 'redis://host:1')).toBe("createLocks('redis://host:1'); // or another\n");
});

test('a block that imports an adapter runs on that alone', () => {
  const code = "import { redis } from '@holdfast/redis';\nredis({ url: 'redis://localhost:6379/0' });";
  expect(codeFor(block(code), 'file', 'file:./locks')).toBeUndefined();
  expect(codeFor(block(code), 'redis', 'redis://host:1')).toContain("redis({ url: 'redis://host:1/0' })");
});
