/**
 * `node tools/check-install.mjs <directory of tarballs>`: installs core and each adapter in turn into fresh directories as a user
 * would, sees that only that adapter's driver comes with it, type-checks the code of the READMEs there, and runs it on the backend.
 * Then the command, and the adapter that somebody else wrote, which must pass the conformance suite with nothing but what is published.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { compile, copyPackage, install, installed, installTools } from './fresh-project.mjs';
import { codeFor, readmeCode } from './readme-code.mjs';
import { CommandError, main, quietly, readJson, root } from './run.mjs';

const RUN_TIMEOUT_MS = 60_000;
const embedded = { file: 'file:./locks', memory: 'memory:' };
/** Without a hoisted node_modules, core must find the adapter beside the program. */
const alsoByPnpm = ['file', 'redis'];
/** The suite takes as long as all installations together. */
const LANES = 2;

const manifests = readdirSync(join(root, 'packages')).map((name) => readJson(`packages/${name}/package.json`));
const adapters = manifests.filter((manifest) => '@holdfast/core' in (manifest.peerDependencies ?? {})).map(shortName);

async function check(tarballs) {
  const base = mkdtempSync(join(tmpdir(), 'holdfast-install-'));
  try {
    await installTools(base);
    const context = { base, tarballs, tsc: join(base, 'node_modules/.bin/tsc'), blocks: readmeCode() };
    await inParallel(LANES, [
      () => checkForeignAdapter(context),
      ...adapters.map((adapter) => () => checkAdapter(adapter, context)),
      () => checkCommand(context),
    ]);
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

/** The first error ends the run, once what is under way has ended. */
async function inParallel(lanes, jobs) {
  const queue = [...jobs];
  const work = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      await job().catch((error) => {
        queue.length = 0;
        throw error;
      });
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: lanes }, work));
  const failed = outcomes.find(({ status }) => status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

async function checkAdapter(adapter, context) {
  const { base, tarballs, tsc } = context;
  const directory = join(base, adapter);
  await install(directory, ['core', adapter], tarballs);
  const { names, megabytes } = installed(directory);
  checkDrivers(adapter, names);
  await checkMissing(directory, adapter);
  await onBackend(adapter, async (url) => {
    const files = codeOf(adapter, url, context.blocks);
    await run(directory, await compile(directory, files, tsc));
    const size = `${megabytes.toFixed(1).padStart(5)} MB, ${String(names.length).padStart(2)} packages`;
    console.log(`core + ${adapter.padEnd(9)} by npm:  ${size}; ran ${Object.keys(files).join(', ')}`);
    if (!alsoByPnpm.includes(adapter)) return;
    const strict = join(base, `${adapter}-pnpm`);
    await install(strict, ['core', adapter], tarballs, 'pnpm');
    await run(strict, await compile(strict, files, tsc));
    console.log(`core + ${adapter.padEnd(9)} by pnpm: the same`);
  });
}

async function onBackend(adapter, work) {
  if (embedded[adapter] !== undefined) return await work(embedded[adapter]);
  const { startServer } = await import('../packages/testbed/dist/index.js');
  const server = await startServer(adapter);
  try {
    await work(server.url);
  } finally {
    await server.stop();
  }
}

/** What it depends on itself is there, and nothing of what only others depend on. */
function checkDrivers(adapter, names) {
  const shared = new Set(Object.keys(manifestOf('core').dependencies));
  for (const other of adapters) {
    for (const driver of Object.keys(manifestOf(other).dependencies).filter((name) => !shared.has(name))) {
      const wanted = driver in manifestOf(adapter).dependencies;
      if (names.includes(driver) === wanted) continue;
      throw new CommandError(`core + ${adapter} ${wanted ? 'lacks' : 'brings'} ${driver}, a driver of ${other}`);
    }
  }
}

function manifestOf(name) {
  return manifests.find((manifest) => shortName(manifest) === name);
}

function shortName({ name }) {
  return name.replace('@holdfast/', '');
}

/** Of the READMEs, as files of a project in which only this adapter is installed. */
function codeOf(adapter, url, blocks) {
  const runnable = blocks.map((block) => [
    `${block.file.replaceAll(/\W/g, '-')}-${block.name}`,
    codeFor(block, adapter, url),
  ]);
  return Object.fromEntries(runnable.filter(([, code]) => code !== undefined));
}

async function run(directory, scripts) {
  for (const script of scripts) await quietly(process.execPath, [script], { cwd: directory, timeout: RUN_TIMEOUT_MS });
}

/** Of an adapter that is not there the user learns how to get it, and nobody learns the password. */
async function checkMissing(directory, adapter) {
  const missing = adapter === 'kafka' ? 'redis' : 'kafka';
  const script = `import { createLocks } from '@holdfast/core';
    const error = await createLocks('${missing}://user:secret@localhost').catch((reason) => reason);
    process.stdout.write(error.code + ' ' + error.message);`;
  const output = await quietly(process.execPath, ['--input-type=module', '-e', script], { cwd: directory });
  const helps = output.startsWith('CONFIG ') && output.includes(`npm install @holdfast/${missing}`);
  if (!helps || output.includes('secret')) {
    throw new CommandError(`A missing adapter was answered with ${JSON.stringify(output)}`);
  }
}

/** On the embedded backend, with nothing else installed. */
async function checkCommand({ base, tarballs }) {
  const directory = join(base, 'cli');
  await install(directory, ['core', 'file', 'cli'], tarballs);
  const print = 'process.stdout.write(`${process.env.HOLDFAST_NAME} ${process.env.HOLDFAST_FENCING_TOKEN}`)';
  const args = ['run', 'install-test', '--', process.execPath, '-e', print];
  const { HOLDFAST_URL: _, ...inherited } = process.env;
  const env = { ...inherited, HOME: directory, XDG_STATE_HOME: directory, XDG_CONFIG_HOME: directory };
  const holdfast = join(directory, 'node_modules/.bin/holdfast');
  const output = await quietly(holdfast, args, { cwd: directory, env, timeout: RUN_TIMEOUT_MS });
  if (!/^install-test [1-9]\d*$/.test(output)) throw new CommandError(`holdfast run printed ${JSON.stringify(output)}`);
  console.log('holdfast from its tarball: ran a command under a lock');
}

async function checkForeignAdapter({ base, tarballs }) {
  const directory = join(base, 'third-party-adapter');
  mkdirSync(directory);
  await copyPackage(directory, 'examples/third-party-adapter', tarballs);
  await quietly('npm', ['run', 'build'], { cwd: directory });
  await onBackend('redis', async (url) => {
    const output = await quietly('npm', ['test'], { cwd: directory, env: { ...process.env, VALKEY_URL: url } });
    const [, passed = '0'] = /^ℹ pass (\d+)$/m.exec(output) ?? [];
    if (passed === '0') throw new CommandError(`The conformance suite ran no test:\n${output}`);
    console.log(`an adapter by somebody else: ${passed} cases of the conformance suite passed`);
  });
}

await main(() => check(resolve(process.argv[2])));
