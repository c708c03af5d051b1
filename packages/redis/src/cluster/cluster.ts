import { randomBytes } from 'node:crypto';
import type { RedisOptions } from 'ioredis';
import { keysOf } from '../keys.ts';
import { connect, connectForMessages } from '../link.ts';
import { mapped } from '../nat-map.ts';
import type { NatMap } from '../nat-map.ts';
import { acquireInCluster } from '../scripts/acquire.ts';
import { releaseInCluster } from '../scripts/release.ts';
import type { Concerns, OpenServers } from '../servers.ts';
import { partsOf } from './address.ts';
import type { Address } from './address.ts';
import { Channels } from './channels.ts';
import { diagnoseCluster } from './diagnose.ts';
import { MessageLinks } from './message-links.ts';
import { ClusterRunner } from './runner.ts';
import { Shards } from './shards.ts';
import { slotOf } from './slot.ts';
import { Subscriber } from './subscriber.ts';

export interface ClusterOptions {
  /** Where to ask first who is in the cluster. */
  readonly nodes: readonly Address[];
  /** Where to reach the node that announces itself by that address. */
  readonly translate: (address: Address) => { readonly host: string; readonly port: number };
  /** For the connection to each node. */
  readonly connection: RedisOptions;
  /** Of all keys and channels. */
  readonly prefix: string;
  readonly timeoutMs: number;
}

/** Redis Cluster, 7.0 or later: each name is served by the master of its slot. */
export function cluster({ nodes, translate, connection, prefix, timeoutMs }: ClusterOptions): OpenServers {
  const at = (address: Address): RedisOptions => ({ ...connection, ...translate(address) });
  const keyOf = (name: string): string => keysOf(prefix, name)[0] ?? '';
  return (listener) => {
    const servedBy =
      (address: Address): Concerns =>
      (name) =>
        shards.slots.owner(slotOf(keyOf(name))) === address;
    const shards: Shards = new Shards(
      { seeds: nodes, connect: (address) => connect(at(address), timeoutMs), timeoutMs },
      { up: ({ address }) => listener.up(servedBy(address), true), moved: () => channels.follow() },
    );
    const runner = new ClusterRunner(shards, nodes.join(','), timeoutMs);
    const links = new MessageLinks((address) => connectForMessages(at(address), timeoutMs), {
      message: (channel, text, from) =>
        listener.message(text, channels.trusts(from, channel) ? shards.at(from).clock : undefined),
      disconnected: (from) => channels.disconnected(from),
      // It knows best what it serves. If it can't be asked, the next question of a waiter finds out.
      dropped: (from) => void shards.refresh({ first: shards.at(from) }).then(undefined, () => undefined),
    });
    const address = randomBytes(16).toString('base64url');
    const subscriber = new Subscriber(address, { shards, runner, links, timeoutMs });
    const channels: Channels = new Channels({ shards, links, subscriber, listener, keyOf });
    return {
      runner,
      scripts: { acquire: acquireInCluster, release: releaseInCluster },
      messages: channels,
      nodes: () => shards.masters(),
      diagnose: () => diagnoseCluster(shards),
      close() {
        channels.close();
        shards.close();
      },
    };
  };
}

export function translator(natMap: NatMap | undefined): ClusterOptions['translate'] {
  return (address) => mapped(natMap, address) ?? partsOf(address);
}
