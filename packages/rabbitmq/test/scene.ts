import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createLocks } from '@holdfast/core';
import type { Locks } from '@holdfast/core';
import { FaultProxy, Peer } from '@holdfast/core/conformance';
import { sharedServer, startServer } from '@holdfast/testbed';
import type { RunningServer } from '@holdfast/testbed';
import { connect } from 'amqplib';
import type { Channel, ChannelModel } from 'amqplib';
import { onTestFinished } from 'vitest';

const run = promisify(execFile);

export async function sharedUrl(): Promise<string> {
  return (await sharedServer('rabbitmq')).url;
}

/** A broker of the test's own. Its `args` are lines of its configuration. */
export async function ownServer(...args: string[]): Promise<RunningServer> {
  const server = await startServer('rabbitmq', { source: 'native', args });
  onTestFinished(() => server.stop());
  return server;
}

/** Runs a function in the broker of {@link ownServer}, which listens for this where the testbed says so. */
export async function call(server: RunningServer, application: string): Promise<void> {
  const address = `127.${server.port >> 8}.${server.port & 255}.1:${server.port}`;
  const { stdout: root } = await run('erl', ['-noshell', '-eval', 'io:put_chars(code:root_dir()), halt().']);
  await run(`${root}/bin/erl_call`, ['-address', address, '-c', 'testbed', '-a', application]);
}

export async function open(url: string, options: Record<string, unknown> = {}): Promise<Locks> {
  const locks = await createLocks({ backend: url, options });
  onTestFinished(() => locks.close());
  return locks;
}

export async function openPeer(url: string): Promise<Peer> {
  const peer = await Peer.start({ kind: 'process', data: () => url });
  onTestFinished(() => peer.kill());
  return peer;
}

export async function openProxy(url: string): Promise<{ proxy: FaultProxy; url: string }> {
  const { hostname, port } = new URL(url);
  const proxy = await FaultProxy.start({ host: hostname, port: Number(port) });
  onTestFinished(() => proxy.close());
  return { proxy, url: url.replace(/@[^/?]*/, `@127.0.0.1:${proxy.address.port}`) };
}

/** Another client of the broker, such as an operator's. */
export async function operator(url: string): Promise<{ connection: ChannelModel; channel: Channel }> {
  const connection = await connect(url);
  onTestFinished(() => connection.close().then(undefined, () => undefined));
  connection.on('error', () => undefined);
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  return { connection, channel };
}

export async function until(condition: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms`);
    await delay(20);
  }
}
