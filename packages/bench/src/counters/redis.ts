import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Counter } from './counter.ts';

/** MONITOR tells of each command who sent it. INFO counts what scripts call along with what clients send. */
export function redisCounter(url: string): Counter {
  return {
    unit: 'commands',
    async during(work) {
      const monitor = await watch(url);
      const marker = await connected(url);
      try {
        const [first, last] = [randomUUID(), randomUUID()];
        const counted = between(monitor, first, last);
        await answered(marker, command('ECHO', first));
        await work();
        marker.write(command('ECHO', last));
        return await counted;
      } finally {
        monitor.destroy();
        marker.destroy();
      }
    },
  };
}

/** A connection of our own: ioredis 6 takes what comes in one piece with the answer to MONITOR for answers to something else. */
async function watch(url: string): Promise<Socket> {
  const socket = await connected(url);
  await confirmed(socket, 'MONITOR');
  return socket;
}

async function connected(url: string): Promise<Socket> {
  const { hostname: host, port, username, password } = new URL(url);
  const socket = connect({ host, port: Number(port) || 6379 });
  await once(socket, 'connect');
  const login = [username, password].filter((part) => part !== '').map(decodeURIComponent);
  if (login.length > 0) await confirmed(socket, 'AUTH', ...login);
  return socket;
}

async function confirmed(socket: Socket, ...parts: readonly string[]): Promise<void> {
  if (!(await answered(socket, command(...parts))).startsWith('+OK')) throw new Error('Redis refused to be counted');
}

/** An answer is in one packet: it is a few bytes, and nothing else was asked. */
async function answered(socket: Socket, sent: string): Promise<string> {
  socket.write(sent);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  return answer.toString();
}

function command(...parts: readonly string[]): string {
  return [`*${parts.length}`, ...parts.flatMap((part) => [`$${Buffer.byteLength(part)}`, part]), ''].join('\r\n');
}

/** Lines such as `+1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`; within scripts, `[0 lua]`. */
function between(monitor: Socket, first: string, last: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let count: number | undefined;
    monitor.once('error', reject);
    createInterface({ input: monitor }).on('line', (line) => {
      if (line.includes(last)) resolve(count ?? 0);
      else if (line.includes(first)) count = 0;
      else if (count !== undefined && !/^\+\S+ \[\d+ lua\]/.test(line)) count += 1;
    });
  });
}
