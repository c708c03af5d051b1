import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createLocks } from '@holdfast/core';
import type { Locks } from '@holdfast/core';
import { FaultProxy } from '@holdfast/core/conformance';
import { startServer } from '@holdfast/testbed';
import type { RunningServer } from '@holdfast/testbed';
import { onTestFinished } from 'vitest';
import { Code } from '../src/errors.ts';
import { readConnectResponse } from '../src/protocol/handshake.ts';
import type { SessionIdentity } from '../src/protocol/handshake.ts';
import { closeSession, create, getChildren, OPEN_ACL } from '../src/protocol/operations.ts';
import { Packets } from '../src/protocol/packets.ts';
import { hasCode } from '../src/queue/codes.ts';
import { optionsOf } from '../src/options.ts';
import { Ensemble } from '../src/session/ensemble.ts';
import { dial } from '../src/session/dial.ts';
import { fourLetterWord } from '../src/session/four-letter-word.ts';
import { ZooKeeperSession } from '../src/session/session.ts';

/** A server of the test's own, so that its counters count nothing else. */
export async function ownServer(): Promise<RunningServer> {
  const server = await startServer('zookeeper');
  onTestFinished(() => server.stop());
  return server;
}

export async function open(url: string): Promise<Locks> {
  const locks = await createLocks(url);
  onTestFinished(() => locks.close());
  return locks;
}

export async function proxyFor(server: RunningServer): Promise<{ proxy: FaultProxy; url: string }> {
  const proxy = await FaultProxy.start({ host: '127.0.0.1', port: server.port });
  onTestFinished(() => proxy.close());
  return { proxy, url: server.url.replace(`:${server.port}`, `:${proxy.address.port}`) };
}

/** A client that looks at the nodes themselves. */
export async function onlooker(
  url: string,
): Promise<{ nodes(name: string): Promise<readonly string[]>; hasContainer(name: string): Promise<boolean> }> {
  const { ensemble, root } = optionsOf({ url });
  const session = await ZooKeeperSession.open(new Ensemble(ensemble), 30_000, true);
  onTestFinished(() => session.close());
  const nodes = (name: string): Promise<readonly string[]> =>
    session.call(getChildren(`${root}/${name}`, false)).then(({ names }) => names);
  return {
    nodes: (name) => nodes(name).catch(noneIfGone),
    hasContainer: (name) =>
      nodes(name).then(
        () => true,
        (error: unknown) => noneIfGone(error).length > 0,
      ),
  };
}

/** A container for `name` that the server never removes, for who counts requests: to make it again takes three, whenever that falls. */
export async function lastingContainer(url: string, name: string): Promise<void> {
  const { ensemble, root } = optionsOf({ url });
  const session = await ZooKeeperSession.open(new Ensemble(ensemble), 30_000, true);
  onTestFinished(() => session.close());
  for (const path of [root, `${root}/${name}`])
    await session.call(create(path, Buffer.alloc(0), OPEN_ACL, 'persistent'));
}

function noneIfGone(error: unknown): readonly string[] {
  if (hasCode(error, Code.noNode)) return [];
  throw error;
}

/** What the server says of itself: `zk_packets_received`, `zk_ephemerals_count`, … */
export async function monitor(server: RunningServer): Promise<(key: string) => number> {
  const answer = await fourLetterWord({ host: '127.0.0.1', port: server.port }, 'mntr');
  return (key) => Number(new RegExp(`^${key}\\t(\\S+)`, 'm').exec(answer)?.[1] ?? Number.NaN);
}

/** How many requests the server receives during `work`. */
export async function requests(server: RunningServer, work: () => Promise<unknown>): Promise<number> {
  const before = (await monitor(server))('zk_packets_received');
  await work();
  const after = (await monitor(server))('zk_packets_received');
  // The second question itself is one.
  return after - before - 1;
}

export async function until(condition: () => Promise<boolean>, ms = 10_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('The condition was not met in time');
    await delay(20);
  }
}

export const pending = async (locks: Locks, name: string): Promise<number> => (await locks.query(name)).pending.length;

/** A way to the server that learns which sessions go by, with what it takes to end them from elsewhere. */
export async function tapped(server: RunningServer): Promise<{
  url: string;
  sessions: SessionIdentity[];
  /** Bytes that the server has sent by this way. */
  received(): number;
  end(session: SessionIdentity): Promise<void>;
}> {
  const sessions: SessionIdentity[] = [];
  let received = 0;
  const tap = createServer((client) => {
    const upstream = connect(server.port, '127.0.0.1');
    const packets = new Packets();
    let isFirst = true;
    upstream.on('data', (chunk: Buffer) => {
      received += chunk.length;
      client.write(chunk);
      for (const packet of isFirst ? packets.push(chunk) : []) {
        const identity = isFirst ? readConnectResponse(packet) : undefined;
        isFirst = false;
        if (identity !== undefined && !sessions.some(({ id }) => id === identity.id)) sessions.push(identity);
      }
    });
    client.pipe(upstream);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => tap.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void tap.close());
  const { port } = tap.address() as AddressInfo;
  return {
    url: server.url.replace(`:${server.port}`, `:${port}`),
    sessions,
    received: () => received,
    async end(identity) {
      // The client that is robbed of its connection comes back at once and may be first: then once more.
      for (;;) {
        const { connection, agreed } = dial({
          host: { host: '127.0.0.1', port: server.port },
          identity,
          lastZxid: 0n,
          timeoutMs: 2000,
          patience: () => ({ answerMs: 2000, silenceMs: 2000, atLeastMs: 2000 }),
          events: {
            onSent: () => undefined,
            onAnswered: () => undefined,
            onEvent: () => undefined,
            onClosed: () => undefined,
          },
        });
        const ended = connection.request(closeSession()).catch(() => undefined);
        const isOver = await agreed.then(
          (id) => id === undefined,
          () => false,
        );
        await ended;
        connection.close(new Error('done'));
        if (isOver) return;
      }
    },
  };
}
