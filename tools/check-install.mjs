/**
 * `node tools/check-install.mjs <directory of tarballs>`: installs core and one adapter into fresh directories as a user
 * would, with npm and with pnpm (whose packages see only their own dependencies), type-checks the code of the READMEs
 * there, and runs it. Then the command from its tarball.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { codeFor, readmeCode } from './readme-code.mjs';
import { CommandError, main, quietly, readJson } from './run.mjs';

const RUN_TIMEOUT_MS = 60_000;
const { packageManager, devDependencies } = readJson('package.json');
const installers = {
  npm: ['npm', 'install', '--no-audit', '--no-fund'],
  pnpm: ['npx', '-y', packageManager, 'install', '--ignore-workspace'],
};

async function check(tarballs) {
  const blocks = readmeCode();
  const { startServer } = await import('../packages/testbed/dist/index.js');
  const server = await startServer('redis');
  const base = mkdtempSync(join(tmpdir(), 'holdfast-install-'));
  try {
    for (const [adapter, url] of Object.entries({ file: 'file:./locks', redis: server.url })) {
      const runnable = blocks.map((block) => ({ ...block, code: codeFor(block, adapter, url) }));
      for (const installer of Object.keys(installers)) {
        const dir = join(base, `${adapter}-${installer}`);
        await install(dir, installer, ['core', adapter], ['typescript', '@types/node'], tarballs);
        const names = await runBlocks(
          dir,
          runnable.filter(({ code }) => code !== undefined),
        );
        await checkMissing(dir);
        console.log(`core + ${adapter} by ${installer}: ${names.join(', ')}`);
      }
    }
    await checkCommand(join(base, 'cli'), tarballs);
  } finally {
    rmSync(base, { recursive: true, force: true });
    await server.stop();
  }
}

async function install(dir, installer, packages, tools, tarballs) {
  const own = packages.map((name) => [`@holdfast/${name}`, `file:${tarball(tarballs, name)}`]);
  const dependencies = Object.fromEntries([...own, ...tools.map((name) => [name, devDependencies[name]])]);
  mkdirSync(dir);
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }));
  const [command, ...args] = installers[installer];
  await quietly(command, args, { cwd: dir });
}

function tarball(tarballs, name) {
  const file = readdirSync(tarballs).find((candidate) => candidate.startsWith(`holdfast-${name}-`));
  if (file === undefined) throw new CommandError(`There is no tarball of ${name} in ${tarballs}`);
  return join(tarballs, file);
}

/** As a user's project would be: strict, with Node's types and no others. */
const compilerOptions = {
  target: 'es2023',
  lib: ['es2023', 'esnext.disposable'],
  module: 'nodenext',
  types: ['node'],
  strict: true,
  rootDir: '.',
  outDir: 'out',
};

async function runBlocks(dir, blocks) {
  writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  const names = blocks.map(({ file, name, code }) => {
    const unique = `${file.replaceAll(/\W/g, '-')}-${name}`;
    writeFileSync(join(dir, unique), code);
    return unique;
  });
  await quietly(join(dir, 'node_modules/.bin/tsc'), [], { cwd: dir });
  for (const name of names) {
    const script = join('out', name.replace(/ts$/, 'js'));
    await quietly(process.execPath, [script], { cwd: dir, timeout: RUN_TIMEOUT_MS });
  }
  return names;
}

/** Of an adapter that is not there the user learns how to get it, and nobody learns the password. */
async function checkMissing(dir) {
  const script = `import { createLocks } from '@holdfast/core';
    const error = await createLocks('kafka://user:secret@localhost').catch((reason) => reason);
    process.stdout.write(error.code + ' ' + error.message);`;
  const output = await quietly(process.execPath, ['--input-type=module', '-e', script], { cwd: dir });
  if (!output.startsWith('CONFIG ') || !output.includes('npm install @holdfast/kafka') || output.includes('secret')) {
    throw new CommandError(`A missing adapter was answered with ${JSON.stringify(output)}`);
  }
}

/** On the embedded backend, with nothing else installed. */
async function checkCommand(dir, tarballs) {
  await install(dir, 'npm', ['core', 'file', 'cli'], [], tarballs);
  const print = 'process.stdout.write(`${process.env.HOLDFAST_NAME} ${process.env.HOLDFAST_FENCING_TOKEN}`)';
  const args = ['run', 'install-test', '--', process.execPath, '-e', print];
  const { HOLDFAST_URL: _, ...inherited } = process.env;
  const env = { ...inherited, HOME: dir, XDG_STATE_HOME: dir, XDG_CONFIG_HOME: dir };
  const holdfast = join(dir, 'node_modules/.bin/holdfast');
  const output = await quietly(holdfast, args, { cwd: dir, env, timeout: RUN_TIMEOUT_MS });
  if (!/^install-test [1-9]\d*$/.test(output)) throw new CommandError(`holdfast run printed ${JSON.stringify(output)}`);
  console.log('holdfast from its tarball: ran a command under a lock');
}

await main(() => check(resolve(process.argv[2])));
