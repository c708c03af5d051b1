import { fork } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from '@holdfast/testbed';
import type { Contender } from '../contender.ts';
import { versioned } from './versions.ts';

const HOST = '127.0.0.1';
/** So that other processes of the run find the broker. */
const PORT_VARIABLE = 'HOLDFAST_BENCH_LIVE_MUTEX_PORT';
/** It gives up by itself after that; as good as never. In ms. */
const PATIENCE_MS = 600_000;

/** It has a broker of its own, a process that it talks to over TCP. Measured beside locks on Redis, whose users it is for. */
export const liveMutex: Contender = {
  name: `${versioned('live-mutex')}, on its own broker`,
  role: 'peer',
  async prepare() {
    const port = await freePort();
    const broker = fork(new URL('../live-mutex-broker.js', import.meta.url), [HOST, `${port}`], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    await Promise.race([once(broker, 'message'), once(broker, 'exit')]);
    process.env[PORT_VARIABLE] = `${port}`;
    return {
      async [Symbol.asyncDispose]() {
        if (broker.exitCode !== null || broker.signalCode !== null) return;
        broker.kill('SIGKILL');
        await once(broker, 'exit');
      },
    };
  },
  async open(_url, ttlMs) {
    // Not the whole package: with its broker comes a listener that swallows what this process does not catch.
    const { Client } = (await import('live-mutex/dist/client.js')).default;
    const port = Number(process.env[PORT_VARIABLE]);
    const client = new Client({ host: HOST, port, ttl: ttlMs, lockRequestTimeout: PATIENCE_MS });
    // It warns of much that is none of a lock's.
    client.emitter.on('warning', () => undefined);
    await client.ensure();
    return {
      async acquire(name) {
        const { id } = await client.acquire(name);
        return () => client.release(name, { id });
      },
      close: () => Promise.resolve(client.close()),
    };
  },
};
