import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findBinary } from '../../packages/testbed/dist/sources/binary.js';
import { findEngine } from '../../packages/testbed/dist/sources/engine.js';
import { CommandError } from '../run.mjs';

const run = promisify(execFile);

const NO_ENGINE = `No Docker engine answers at DOCKER_HOST, or at the usual sockets.
Is none running? Start Docker, or run the command with an engine of its own: node tools/offline-images/engine.mjs -- <command>
May you not use it (ls -l /var/run/docker.sock)? Join the group that owns the socket, or use rootless Docker.`;

/** Throws, with what to do about it, unless an engine answers. Installs the `docker` command where it is missing. */
export async function checkEngine() {
  if ((await findEngine()) === undefined) throw new CommandError(NO_ENGINE);
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
