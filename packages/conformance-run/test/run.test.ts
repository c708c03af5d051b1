import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { brokenBackend, main, runConformance } from './fixtures/runner.ts';

interface Report {
  readonly backends: readonly {
    readonly backend: string;
    readonly verdict: string;
    readonly reason?: string;
    readonly server: { readonly source: string } | null;
    readonly counts: Readonly<Record<string, number>>;
    readonly cases: readonly { readonly id: string; readonly state: string; readonly message?: string }[];
  }[];
}

test('backends that conform: status 0, and the last lines say what ran where', async () => {
  await using run = await runConformance(['--backend', 'memory,file', '--cases', 'exclusion,outage']);
  expect(run.stdout).toMatch(/^exclusion +6 +6$/m);
  // There is no network that could fail.
  expect(run.stdout).toMatch(/^outage +5- +5-$/m);
  expect(run.stdout.trimEnd().split('\n').slice(-2)).toEqual([
    expect.stringMatching(/^memory +Node\.js [\d.]+ +embedded +[\d.]+ s +conforms +6 passed, 5 left out$/),
    expect.stringMatching(/^file +Node\.js [\d.]+ +embedded +[\d.]+ s +conforms +6 passed, 5 left out$/),
  ]);
  expect(run.status).toBe(0);
});

test('a backend that does not conform: status 1, and three reports that say why', async () => {
  const backend = brokenBackend('tokens');
  await using run = await runConformance(['--backend', `memory,${backend}`, '--cases', 'fencing,query']);
  expect(run.status).toBe(1);
  expect(run.stdout).toContain('FAILED module broken.js?tokens fencing/after-release: ');

  const { backends } = JSON.parse(await run.report('report.json')) as Report;
  expect(backends).toMatchObject([
    { backend: 'memory', verdict: 'conforms', server: { source: 'embedded' }, counts: { passed: 14, failed: 0 } },
    { backend: 'module broken.js?tokens', verdict: 'does not conform' },
  ]);
  const failed = backends[1]?.cases.find(({ id }) => id === 'fencing/after-release');
  expect(failed).toMatchObject({ state: 'failed', message: expect.stringMatching(/./) });

  const message = failed?.message?.split('\n')[0] ?? '';
  const markdown = await run.report('report.md');
  expect(markdown).toContain('### module broken.js?tokens: fencing/after-release');
  expect(markdown).toContain(message);
  const html = await run.report('report.html');
  expect(html).toContain('1 of 2 backends conform');
  expect(html).toContain('href="#module-broken-js-tokens-fencing-after-release"');
  expect(html).toContain('id="module-broken-js-tokens-fencing-after-release"');
  // Nothing is fetched from elsewhere.
  expect(html).not.toMatch(/(?:src|href)="(?!#)/);
});

test('a case that fails while its peers are at work is a failure of that case, and does not end the suite', async () => {
  const backend = brokenBackend('deaf');
  await using run = await runConformance(['--backend', backend, '--cases', 'exclusion/killed-in-the-middle']);
  expect(run.stdout).toContain('FAILED module broken.js?deaf exclusion/killed-in-the-middle: ');
  expect(run.stdout).toMatch(/ does not conform +1 failed$/m);
});

test('a suite whose process dies is a failure, with the last that it printed', async () => {
  await using run = await runConformance(['--backend', brokenBackend('crash'), '--cases', 'exclusion']);
  expect(run.status).toBe(1);
  expect(run.stdout).toContain('The suite ended early with status 3: the driver has met something unheard of');
  expect(run.stdout).toMatch(/^exclusion +6\?$/m);
});

test('a server that cannot be started: status 69 and what to do about it; the others run all the same', async () => {
  const nowhere = { DOCKER_HOST: 'unix:///nowhere/docker.sock' };
  await using run = await runConformance(
    ['--backend', 'redis,memory', '--via', 'container', '--cases', 'input'],
    nowhere,
  );
  expect(run.status).toBe(69);
  expect(run.stdout).toContain('Cannot start redis: container: no Docker engine answers at DOCKER_HOST');
  expect(run.stdout).toMatch(/^redis +none .* not started +5 not run$/m);
  expect(run.stdout).toMatch(/^memory +Node\.js .* conforms /m);
  const { backends } = JSON.parse(await run.report('report.json')) as Report;
  expect(backends[0]).toMatchObject({ verdict: 'not started', reason: expect.stringContaining('start one') });
});

test('an external server is one that the environment names, and nothing else stands in for it', async () => {
  const unset = { HOLDFAST_TEST_ETCD_URL: '' };
  await using run = await runConformance(['--backend', 'etcd', '--via', 'external', '--cases', 'input'], unset);
  expect(run.status).toBe(69);
  expect(run.stdout).toContain('Cannot start etcd: external: HOLDFAST_TEST_ETCD_URL is not set');
});

test.each([
  [['--backend', 'oracle'], 'redis'],
  [['--via', 'cloud'], 'container, native or external, got cloud'],
  [['--cases', 'nonsense'], 'got nonsense'],
  [['--at-once', '0'], 'got 0'],
  [['--nonsense'], '--nonsense'],
])('a bad command line is told and nothing is run: %j', async (args, told) => {
  await using run = await runConformance(args);
  expect(run).toMatchObject({ status: 64, stdout: '' });
  expect(run.stderr).toContain(told);
});

test('an interruption ends the suites, and what is known by then is reported', async () => {
  const output = await mkdtemp(join(tmpdir(), 'holdfast-conformance-run-'));
  const args = [main, '--backend', 'memory,file', '--at-once', '1', '--output', output];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  await expect.poll(() => printed, { timeout: 20_000 }).toContain('started in');
  child.kill('SIGINT');
  const [status] = (await once(child, 'close')) as [number];
  expect(status).toBe(130);
  const { backends } = JSON.parse(await readFile(join(output, 'report.json'), 'utf8')) as Report;
  expect(backends.map(({ verdict }) => verdict)).toEqual(['interrupted', 'interrupted']);
  await rm(output, { recursive: true });
});
