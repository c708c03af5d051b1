import { connect } from 'node:net';
import { counterOf } from './counter.ts';
import type { Counter } from './counter.ts';

export function zookeeperCounter(url: string): Counter {
  const { hostname: host, port } = new URL(url);
  return counterOf('packets', () => received(host, Number(port)), 1);
}

/** By the four letter word that tells of the server. It is a packet itself. */
async function received(host: string, port: number): Promise<number> {
  const answer = await new Promise<string>((resolve, reject) => {
    let text = '';
    const socket = connect({ host, port }, () => socket.write('srvr'));
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => (text += chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
  const [, count] = /^Received: (\d+)/m.exec(answer) ?? [];
  if (count === undefined) throw new Error('ZooKeeper did not tell what it received');
  return Number(count);
}
