/**
 * `node tools/offline-images/engine.mjs -- command…`: runs the command with a Docker engine: the one that answers, else one of its
 * own, for which `DOCKER_HOST` is set and which is gone with all it held when the command ends, or this process, however.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findBinary } from '../../packages/testbed/dist/sources/binary.js';
import { findEngine } from '../../packages/testbed/dist/sources/engine.js';
import { CommandError, main } from '../run.mjs';

const KEEPER = fileURLToPath(new URL('engine-keeper.mjs', import.meta.url));
const USAGE = 'Usage: node tools/offline-images/engine.mjs -- command…';

async function withEngine([dashes, command, ...args]) {
  if (dashes !== '--' || command === undefined) throw new CommandError(USAGE);
  const there = await findEngine().then(
    () => true,
    () => false,
  );
  if (there) return runCommand(command, args, {});
  const engine = await startEngine();
  try {
    return await runCommand(command, args, {
      DOCKER_HOST: engine.host,
      // Testcontainers' own janitor is an image that can't be had either; the testbed's keeper does its work.
      TESTCONTAINERS_RYUK_DISABLED: 'true',
    });
  } finally {
    await engine.end();
  }
}

/** An engine that ends when `end` is called, or this process is gone. */
async function startEngine() {
  if (process.platform !== 'linux' || process.getuid() !== 0)
    throw new CommandError(
      'No Docker engine answers, and only root on Linux may start one: start Docker, or set DOCKER_HOST',
    );
  await findBinary('dockerd', 'docker.io');
  await findBinary('ip', 'iproute2');
  // In a session of its own: what ends us, such as Ctrl-C, must not end it before it has cleaned up.
  const keeper = spawn(process.execPath, [KEEPER], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  keeper.stdin.on('error', () => undefined);
  const ended = once(keeper, 'exit');
  const end = async () => {
    keeper.stdin.end();
    const [status] = await ended;
    if (status !== 0) throw new CommandError('The Docker engine did not end as it should');
  };
  for await (const host of createInterface({ input: keeper.stdout })) return { host, end };
  throw new CommandError('The Docker engine could not be started');
}

/** Its exit status. Signals that would end us end it first. */
async function runCommand(command, args, environment) {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...environment } });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // The terminal's Ctrl-C reaches the child by itself.
    process.on(signal, () => signal === 'SIGINT' || child.kill(signal));
  }
  const [status, signal] = await once(child, 'exit');
  return status ?? 128 + constants.signals[signal];
}

await main(() => withEngine(process.argv.slice(2)));
