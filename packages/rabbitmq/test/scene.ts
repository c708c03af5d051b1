import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
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

/** What the expression gives in the Erlang of a server of the testbed's own, which listens for this where its command line says. */
export async function evaluate({ pid }: RunningServer, expression: string): Promise<string> {
  const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
  const [name, port, cookie] = ['-name', '-erl_epmd_port', '-setcookie'].map((flag) => words[words.indexOf(flag) + 1]);
  const { stdout: root } = await run('erl', ['-noshell', '-eval', 'io:put_chars(code:root_dir()), halt().']);
  const asked = run(`${root}/bin/erl_call`, [
    '-address',
    `${name?.split('@')[1]}:${port}`,
    '-c',
    `${cookie}`,
    '-r',
    '-e',
  ]);
  asked.child.stdin?.end(`${expression}.\n`);
  return (await asked).stdout;
}

/** Cuts a node off from others of its cluster, not from its clients. Resolves with what heals it. */
export async function isolate(server: RunningServer, others: readonly RunningServer[]): Promise<() => Promise<void>> {
  const names = await Promise.all(
    others.map(async (other) => (await evaluate(other, 'node()')).slice('{ok, '.length, -1)),
  );
  const each = (what: string): string => `[begin ${what} end || N <- [${names.join(',')}]]`;
  const cookie = await evaluate(server, 'erlang:get_cookie()');
  await evaluate(server, each('erlang:set_cookie(N, another), erlang:disconnect_node(N)'));
  return async () => void (await evaluate(server, each(`erlang:set_cookie(N, ${cookie.slice('{ok, '.length, -1)})`)));
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
