/** Projects in fresh directories outside the repository, into which packages are installed as a user would. */
import { cpSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, quietly, readJson, root } from './run.mjs';

const { packageManager, devDependencies } = readJson('package.json');
const installers = {
  npm: ['npm', 'install', '--no-audit', '--no-fund', '--prefer-offline'],
  // Whose packages see only their own dependencies.
  pnpm: ['npx', '-y', packageManager, 'install', '--ignore-workspace', '--prefer-offline'],
};

/** As a user's project would be: strict, with Node's types and no others. */
const compilerOptions = {
  target: 'es2023',
  lib: ['es2023', 'esnext.disposable'],
  types: ['node'],
  strict: true,
  rootDir: '.',
  outDir: 'out',
};
/** How Node resolves packages, before and now, and how bundlers do. What is run is compiled by the last. */
const resolutions = [
  ['--module', 'esnext', '--moduleResolution', 'bundler', '--noEmit'],
  ['--module', 'node16', '--noEmit'],
  ['--module', 'nodenext'],
];

/** The compiler, above the projects: each finds it, and none has installed it. */
export async function installTools(directory) {
  const names = ['typescript', '@types/node'];
  const dependencies = Object.fromEntries(names.map((name) => [name, devDependencies[name]]));
  await installInto(directory, { dependencies });
}

/** Installs `packages` from their tarballs, and whatever these ask for. */
export async function install(directory, packages, tarballs, installer = 'npm') {
  const own = packages.map((name) => [`@holdfast/${name}`, `file:${tarball(tarballs, name)}`]);
  mkdirSync(directory);
  await installInto(directory, { dependencies: Object.fromEntries(own) }, installer);
}

async function installInto(directory, manifest, installer = 'npm') {
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ private: true, type: 'module', ...manifest }));
  const [command, ...args] = installers[installer];
  await quietly(command, args, { cwd: directory });
}

/** A copy of the package in `path` of the repository, with core from its tarball instead of from the registry. */
export async function copyPackage(directory, path, tarballs) {
  const manifest = readJson(`${path}/package.json`);
  for (const name of ['src', 'test', 'tsconfig.json']) {
    cpSync(join(root, path, name), join(directory, name), { recursive: true });
  }
  manifest.devDependencies['@holdfast/core'] = `file:${tarball(tarballs, 'core')}`;
  await installInto(directory, manifest);
}

function tarball(tarballs, name) {
  const file = readdirSync(tarballs).find((candidate) => candidate.startsWith(`holdfast-${name}-`));
  if (file === undefined) throw new CommandError(`There is no tarball of ${name} in ${tarballs}`);
  return join(tarballs, file);
}

/** Type-checks `files` (name → code) in each way in which packages are resolved. Resolves with what to run. */
export async function compile(directory, files, tsc) {
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  for (const [name, code] of Object.entries(files)) writeFileSync(join(directory, name), code);
  for (const resolution of resolutions) await quietly(tsc, ['-p', '.', ...resolution], { cwd: directory });
  return Object.keys(files).map((name) => join('out', name.replace(/ts$/, 'js')));
}

/** What npm has installed: the names of all packages, and their size in MB. */
export function installed(directory) {
  const { packages } = readJson(join(directory, 'node_modules/.package-lock.json'));
  const names = Object.keys(packages).map((path) =>
    path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
  );
  return { names, megabytes: sizeOf(join(directory, 'node_modules')) / 1e6 };
}

function sizeOf(directory) {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
