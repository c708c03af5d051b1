import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findBinary } from '../../packages/testbed/dist/sources/binary.js';
import { findEngine } from '../../packages/testbed/dist/sources/engine.js';
import { CommandError } from '../run.mjs';

const run = promisify(execFile);

const OWN_ENGINE = 'Or run this with an engine of its own, as root: node tools/offline-images/engine.mjs -- <command>';

/** Throws, with what to do about it, unless an engine answers. Installs the `docker` command where it is missing. */
export async function checkEngine() {
  await findEngine().catch((cause) => {
    throw new CommandError(`${cause.message}\n${OWN_ENGINE}`, { cause });
  });
  // Newer releases of Debian have the command in a package of its own.
  await findBinary('docker', 'docker.io').catch(() => findBinary('docker', 'docker-cli'));
}

/** `undefined`: there is no such image; empty: it has no such label. */
export async function labelOf(image, label) {
  const format = `{{ index .Config.Labels ${JSON.stringify(label)} }}`;
  const listed = await run('docker', ['image', 'ls', '--quiet', image]);
  if (listed.stdout === '') return undefined;
  const { stdout } = await run('docker', ['image', 'inspect', '--format', format, image]);
  return stdout.trim();
}
