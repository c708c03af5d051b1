import type { RunningServer } from '@holdfast/testbed';
import { expect, onTestFinished, test } from 'vitest';
import { Channels } from '../src/cluster/channels.ts';
import { MessageLinks } from '../src/cluster/message-links.ts';
import { ClusterRunner } from '../src/cluster/runner.ts';
import { Shards } from '../src/cluster/shards.ts';
import { Subscriber } from '../src/cluster/subscriber.ts';
import { keysOf } from '../src/keys.ts';
import { connect, connectForMessages } from '../src/link.ts';
import { channelsAt, clientOf, ownCluster } from './cluster.ts';
import { until } from './traffic.ts';

const TIMEOUT_MS = 1000;

/** The channels of a client whose connections for messages lead to `there`, whatever node they are meant for. */
function channelsTo(
  there: RunningServer,
  seed: RunningServer,
): { channels: Channels; heard: string[]; believed: string[] } {
  const heard: string[] = [];
  const believed: string[] = [];
  const at = (port: number): { host: string; port: number } => ({ host: '127.0.0.1', port });
  const shards = new Shards(
    {
      seeds: [`127.0.0.1:${seed.port}`],
      connect: (address) => connect(at(Number(address.split(':')[1])), TIMEOUT_MS),
      timeoutMs: TIMEOUT_MS,
    },
    { up: () => undefined, moved: () => undefined },
  );
  const links = new MessageLinks(() => connectForMessages(at(there.port), TIMEOUT_MS), {
    message(channel, text, from) {
      heard.push(text);
      if (channels.trusts(from, channel)) believed.push(text);
    },
    disconnected: (from) => channels.disconnected(from),
    dropped: () => undefined,
  });
  const channels = new Channels({
    shards,
    links,
    subscriber: new Subscriber('me', {
      shards,
      links,
      runner: new ClusterRunner(shards, 'the cluster', TIMEOUT_MS),
      timeoutMs: TIMEOUT_MS,
    }),
    listener: {
      message: () => undefined,
      up: () => undefined,
      subscribed: () => undefined,
      used: () => new Set(['name']),
    },
    keyOf: (name) => keysOf('holdfast', name)[0] ?? '',
  });
  onTestFinished(() => {
    channels.close();
    shards.close();
  });
  return { channels, heard, believed };
}

test('a subscription at a replica does not count: the master passes over who is there, and its messages arrive all the same', async () => {
  const cluster = await ownCluster({ masters: 1, replicas: 1 });
  const [master] = cluster.members;
  const replica = cluster.members[1] ?? master;
  const { channels, heard, believed } = channelsTo(replica, master);
  await expect(channels.open('name')).rejects.toThrow('does not hear of a subscription');
  expect(channels.ready('name')).toBe(false);
  const [channel = ''] = await channelsAt(clientOf(replica));
  expect(await clientOf(master).call('SPUBLISH', channel, 'granted')).toBe(0);
  await until(() => heard.length === 1);
  expect(believed).toEqual([]);
});

test('one at the master does', async () => {
  const cluster = await ownCluster({ masters: 1, replicas: 0 });
  const [master] = cluster.members;
  const { channels, believed } = channelsTo(master, master);
  await channels.open('name');
  expect(channels.ready('name')).toBe(true);
  const [channel = ''] = await channelsAt(clientOf(master));
  expect(await clientOf(master).call('SPUBLISH', channel, 'granted')).toBe(1);
  await until(() => believed.length === 1);
});
