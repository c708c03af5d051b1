/**
 * `npm run offline-images [-- redis,etcd] [--force]`: on a machine that can't pull images, builds stand-ins under the tags
 * of packages/testbed/images.json. The server in one is Debian's, of another version than the tag says: its label tells
 * it from an official image, which is never replaced unless --force says so. Quick when nothing has changed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { images } from '../../packages/testbed/dist/images.js';
import { CommandError, main } from '../run.mjs';
import { build } from './build.mjs';
import { openRelease } from './debian.mjs';
import { checkEngine, labelOf } from './docker.mjs';
import { fingerprint } from './fingerprint.mjs';
import { LABEL, standIns } from './stand-ins.mjs';

const STABLE = 'trixie';

async function offlineImages(args) {
  const { names, force, all } = parse(args);
  await checkEngine();
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-images-'));
  // A killed run must not leave the trees of its images behind.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));

  const releases = new Map();
  const releaseOf = (suite) => {
    if (!releases.has(suite)) releases.set(suite, openRelease(suite, join(dir, suite)));
    return releases.get(suite);
  };
  const failures = [];
  const waiting = [...names];
  const worker = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      try {
        await provide(name, { force, dir, releaseOf });
      } catch (error) {
        const optional = all && standIns[name].optional === true;
        if (!optional) failures.push(name);
        report(name, `${optional ? 'LEFT OUT' : 'FAILED'}: ${error.message}`);
      }
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  if (failures.length > 0) throw new CommandError(`Not built: ${failures.join(', ')}`);
}

function parse(args) {
  const force = args.includes('--force');
  const names = args.filter((arg) => arg !== '--force').flatMap((arg) => arg.split(','));
  const unknown = names.filter((name) => !Object.hasOwn(standIns, name));
  if (unknown.length > 0)
    throw new CommandError(`Expected names among ${Object.keys(standIns).join(', ')}, got ${unknown.join(', ')}`);
  const all = names.length === 0;
  return { names: all ? Object.keys(standIns) : names, force, all };
}

async function provide(name, { force, dir, releaseOf }) {
  const label = await labelOf(images[name], LABEL);
  const wanted = fingerprint(name);
  if (!force && label === wanted) return report(name, 'the stand-in is there');
  if (!force && label === '')
    return report(name, 'an image of another origin is there, and stays (--force replaces it)');
  const { suite = STABLE } = standIns[name];
  report(name, `building a stand-in from Debian ${suite}`);
  const start = performance.now();
  const release = await releaseOf(suite);
  await build(name, { image: images[name], label: `${LABEL}=${wanted}`, release, dir });
  report(name, `built in ${Math.round((performance.now() - start) / 1000)} s`);
}

function report(name, text) {
  console.log(`${name.padEnd(16)} ${images[name].padEnd(30)} ${text}`);
}

await main(() => offlineImages(process.argv.slice(2)));
