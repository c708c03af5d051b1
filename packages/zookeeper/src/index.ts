import type { Adapter, LockBackend } from '@holdfast/core/adapter';
import { ZooKeeperBackend } from './backend.ts';
import { capabilitiesOf, DEFAULT_TICK_MS } from './capabilities.ts';
import type { ZooKeeperGrant } from './grant.ts';
import { optionsOf } from './options.ts';
import type { ParsedOptions, ZooKeeperOptions } from './options.ts';
import { Ensemble } from './session/ensemble.ts';

export type { ZooKeeperGrant } from './grant.ts';
export type { ZooKeeperOptions } from './options.ts';

/**
 * Locks on a ZooKeeper ensemble (3.5.3 and later). Connects at the first request.
 *
 * Throws `ConfigError` for a bad option.
 */
export function zookeeper(options: ZooKeeperOptions = {}): LockBackend<ZooKeeperGrant> {
  return open(optionsOf({ options: { ...options } }));
}

/** `zookeeper:` URLs, with any number of hosts. */
export const adapter: Adapter = {
  name: 'zookeeper',
  protocols: ['zookeeper:'],
  capabilities: capabilitiesOf(DEFAULT_TICK_MS),
  create: (config) => open(optionsOf(config)),
};

function open({ ensemble, root, acl }: ParsedOptions): ZooKeeperBackend {
  return new ZooKeeperBackend({ ensemble: new Ensemble(ensemble), root, acl });
}
