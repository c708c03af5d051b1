/**
 * Starts a Docker engine beside all others: socket, data, bridge and addresses of its own, and no rule of the firewall (ports
 * are published by its proxy). Prints the `DOCKER_HOST`; when standard input ends, takes the engine down, and all it has left.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CommandError, main, quietly } from '../run.mjs';
import { createBridge, freeBlock, removeBridges } from './bridge.mjs';

const START_TIMEOUT_MS = 60_000;
const PAUSE_MS = 100;
/** For the containers that run when the engine is told to end: nobody needs what they hold. */
const STOP_SECONDS = 1;

async function keep() {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-engine-'));
  const socketPath = join(dir, 'docker.sock');
  const block = freeBlock();
  const asked = once(process.stdin.resume(), 'end');
  // Who asked for the engine may be gone before it answers.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  let engine;
  try {
    engine = await start(dir, socketPath, block);
    await Promise.race([untilAnswers(engine, socketPath), asked]);
    console.log(`unix://${socketPath}`);
    await Promise.race([asked, engine.ended]);
    if (engine.isOver()) throw new CommandError(`The Docker engine ended by itself\n${engine.lastWords()}`);
  } finally {
    if (engine !== undefined) await end(engine, socketPath);
    await unmountBelow(dir);
    await removeBridges(block);
    rmSync(dir, { recursive: true });
  }
}

async function start(dir, socketPath, block) {
  const bridge = await createBridge(block);
  const options = {
    host: `unix://${socketPath}`,
    'data-root': join(dir, 'data'),
    'exec-root': join(dir, 'exec'),
    pidfile: join(dir, 'pid'),
    // If the machine's own containerd is used, then under names of our own.
    'containerd-namespace': bridge,
    'containerd-plugins-namespace': `${bridge}-plugins`,
    bridge,
    'default-address-pool': `base=${block.pool},size=24`,
    iptables: false,
    ip6tables: false,
    'ip-forward': false,
    'ip-masq': false,
    'exec-opt': 'native.cgroupdriver=cgroupfs',
    'shutdown-timeout': STOP_SECONDS,
  };
  const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const log = join(dir, 'log');
  const output = openSync(log, 'a');
  // It ends with us even if we are killed.
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', 'dockerd', ...flags], { stdio: ['ignore', output, output] });
  const lastWords = () => readFileSync(log, 'utf8').split('\n').slice(-10).join('\n');
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  return { process: child, ended: once(child, 'exit'), isOver, lastWords };
}

async function untilAnswers(engine, socketPath) {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while ((await call(socketPath, 'GET', '/_ping')) === undefined) {
    if (engine.isOver() || performance.now() > deadline)
      throw new CommandError(`The Docker engine does not start\n${engine.lastWords()}`);
    await delay(PAUSE_MS);
  }
}

/** Its containers are killed first: stopped in order, each would have its time. */
async function end(engine, socketPath) {
  const containers = JSON.parse((await call(socketPath, 'GET', '/containers/json')) ?? '[]');
  await Promise.all(containers.map(({ Id: id }) => call(socketPath, 'DELETE', `/containers/${id}?force=1&v=1`)));
  if (!engine.isOver()) engine.process.kill('SIGTERM');
  await engine.ended;
}

/** The body of the answer; `undefined` if there is none. */
function call(socketPath, method, path) {
  return new Promise((resolve) => {
    const question = request({ socketPath, method, path }, (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve(body));
    });
    question.on('error', () => resolve(undefined));
    question.end();
  });
}

/** A mount that is left would be emptied with the directory. */
async function unmountBelow(dir) {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  for (const mount of mounts.filter((path) => path.startsWith(`${dir}/`)).toReversed())
    await quietly('umount', ['--lazy', mount]);
}

await main(keep);
