import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { pathTo } from '../../packages/testbed/dist/sources/debian-program.js';

const run = promisify(execFile);

/** Not by the name of its own: on older releases that is version 1, which understands neither `up --wait` nor our file. */
const COMPOSE = {
  suite: 'trixie',
  package: 'docker-compose',
  program: 'compose-v2',
  script: 'exec "$tree/libexec/docker/cli-plugins/docker-compose" "$@"',
};

/** `docker compose`, where the command knows it; else Debian's, fetched at the first use. */
export async function composeCommand() {
  const known = await run('docker', ['compose', 'version']).then(
    () => true,
    () => false,
  );
  if (known) return ['docker', 'compose'];
  return ['env', `PATH=${await pathTo(COMPOSE)}`, COMPOSE.program];
}
