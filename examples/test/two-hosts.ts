import { randomUUID } from 'node:crypto';
import type { Lock } from '@holdfast/core';
import { FaultProxy, urlSubject } from '@holdfast/core/conformance';
import type { Address } from '@holdfast/core/conformance';
import { sharedServer } from '@holdfast/testbed';
import type { Scope } from './program.ts';

export interface TwoHosts {
  /** Held from a host that will be cut off. */
  readonly lost: Lock;
  /** Where that host reaches what the lock protects. */
  readonly resource: Address;
  /** From now on nothing passes between that host and the rest; what it sends is under way. */
  cutOff(): void;
  /** Resolves with the lock for the other host, once the first one's is lost. */
  next(): Promise<Lock>;
  /** What was under way arrives. */
  restore(): Promise<void>;
}

/** Two hosts that want one lock, of which the first is between its check of the lock and the arrival of its write when its network fails. */
export async function twoHosts(scope: Scope, resource: Address): Promise<TwoHosts> {
  const { open, server } = urlSubject(process.env['HOLDFAST_URL'] ?? (await sharedServer('redis')).url);
  if (server === undefined)
    throw new Error('Expected HOLDFAST_URL to name a server: a host can be cut off from nothing else');
  const networks = [await FaultProxy.start(server), await FaultProxy.start(resource)] as const;
  for (const network of networks) scope.onTestFinished(() => network.close());
  const [older, newer] = [await open(networks[0].address), await open()];
  for (const locks of [older, newer]) scope.onTestFinished(() => locks.close());
  const name = `two hosts ${randomUUID()}`;
  return {
    lost: await older.acquire(name, { ttl: Math.max(3000, older.capabilities.ttl.minMs) }),
    resource: networks[1].address,
    cutOff: () => networks.forEach((network) => network.blackhole()),
    next: () => newer.acquire(name),
    restore: async () => {
      for (const network of networks) await network.restore();
    },
  };
}
