import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rules } from '../dist/check/violation.js';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const broken = new URL('fixtures/broken.js', import.meta.url).href;
let output: string;

beforeAll(async () => {
  output = await mkdtemp(join(tmpdir(), 'holdfast-torture-broken-'));
});

afterAll(async () => {
  await rm(output, { recursive: true });
});

describe('a backend that is broken on purpose is found out', () => {
  test.concurrent.each(Object.keys(rules))('by the rule %s', { timeout: 150_000 }, async (how) => {
    const directory = join(output, how);
    const backend = `module:${broken}?${how}`;
    const { status, stdout } = await run(
      '--backend',
      backend,
      '--minutes',
      '0.05',
      '--clients',
      '3',
      '--output',
      directory,
    );
    expect(stdout).toMatch(new RegExp(`^  ${how} \\(\\d+\\): `, 'm'));
    expect(status).toBe(1);
    // The evidence stays.
    expect(await readdir(join(directory, 'url-1'))).toContain('evidence.json');
    expect(await readFile(join(directory, 'report.md'), 'utf8')).toContain(`### ${how}, `);
  });
});

test('a bad command line', async () => {
  expect(await run('--minutes', 'soon')).toMatchObject({ status: 64, stdout: '' });
});

function run(...args: readonly string[]): Promise<{ readonly status: number; readonly stdout: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], (error, stdout) => {
      resolve({ status: typeof error?.code === 'number' ? error.code : 0, stdout });
    });
  });
}
