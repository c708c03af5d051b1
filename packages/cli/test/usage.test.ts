import { expect, test } from 'vitest';
import { holdfast, temporary } from './holdfast.ts';

const SECRET = 'hunter2';
const run = (...options: string[]): string[] => ['run', 'a', ...options, '--', 'echo', 'it-ran'];

test.for<[string[], RegExp]>([
  [['run', 'a', 'echo', 'hi'], /missing `--` before the command/],
  [['run', 'a', '--no-wait'], /missing `--` before the command/],
  [['run', 'a', '--'], /missing command after `--`/],
  [['run', '--', 'echo'], /missing required argument 'name'/],
  [['run', 'a', 'b', '--', 'echo'], /too many arguments/],
  [run('--wiat', '10s'), /unknown option '--wiat' \(Did you mean --wait\?\)/],
  [run('--wait'), /option '--wait <duration>' argument missing/],
  [run('--wait', '10s', '--no-wait'), /--wait and --no-wait exclude each other/],
  [run('--shared', '--permits', '3'), /--shared and --permits exclude each other/],
  [run('--wait', '10'), /`--wait` to have a unit, such as 10s/],
  [run('--wait', 'soon'), /`--wait` to be a positive duration.*'soon'/],
  [run('--wait=-1s'), /`--wait` to be a positive duration/],
  [run('--ttl', '0s'), /`--ttl` to be a positive duration/],
  [run('--ttl', '300 days'), /`--ttl` to be a positive duration of at most/],
  [run('--ttl', '1ms'), /`ttl` to be at least \d+ ms on this backend/],
  [run('--grace', 'NaN'), /`--grace` to be a positive duration/],
  [run('--permits', '0'), /`--permits` to be a whole number of at least 1/],
  [run('--permits', '1.5'), /`--permits` to be a whole number of at least 1/],
  [run('--backend', `ftp://user:${SECRET}@host`), /Unknown scheme ftp:/],
  [run('--backend', `nonsense ${SECRET}@x`), /--backend to be a URL .* name of a backend in .*; there is none/],
  [run('--backend', 'redis'), /--backend to be a URL .* name of a backend in .*; there is none/],
  [run('--backend', ''), /Expected --backend to be a URL/],
  [run('--backend', 'memory:'), /locks inside one process only/],
  [run('--backend', 'file:?direktory=x'), /direktory/],
  [['run', '', '--', 'echo'], /`name` to be a non-empty string/],
  [['run', 'x'.repeat(2000), '--', 'echo'], /at most 1024 bytes/],
  [['query', 'a', 'b'], /too many arguments/],
  [['conformance'], /missing required argument 'url'/],
  [['doctor', `ftp://user:${SECRET}@host`], /Unknown scheme/],
  [['doctor', 'jobs'], /the argument to be a URL .* name of a backend in .*; there is none/],
  [['doctor', 'a', 'b'], /too many arguments/],
  [['bogus'], /unknown command 'bogus'/],
])('%j is refused with one clear line and status 64', async ([args, message]) => {
  await using place = await temporary();
  const { status, stdout, stderr } = await holdfast(args, { cwd: place.dir, env: { XDG_STATE_HOME: place.dir } });
  expect(status).toBe(64);
  expect(stderr).toMatch(/^holdfast: [^\n]*\n$/);
  expect(stderr).toMatch(message);
  expect(stdout).not.toContain('it-ran');
  expect(stdout + stderr).not.toContain(SECRET);
});

test('--help and --version answer on stdout with status 0', async () => {
  const help = await holdfast(['--help']);
  expect(help).toMatchObject({ status: 0, stderr: '' });
  for (const status of ['64', '69', '75', '76', '126, 127']) expect(help.stdout).toContain(status);
  expect(await holdfast(['run', '--help'])).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('--no-wait') as unknown,
  });
  expect(await holdfast(['--version'])).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as unknown,
  });
});

test('without a command the help goes to stderr with status 64', async () => {
  expect(await holdfast([])).toMatchObject({
    status: 64,
    stdout: '',
    stderr: expect.stringContaining('Usage: holdfast') as unknown,
  });
});
