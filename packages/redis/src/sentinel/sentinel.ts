import { Patience } from '@holdfast/core/adapter';
import type { RedisOptions } from 'ioredis';
import { errorCode, RedisUnavailableError, timedOut } from '../errors.ts';
import { connect, connectForMessages } from '../link.ts';
import type { Link } from '../link.ts';
import type { Address } from './address.ts';
import { shown } from './address.ts';

/** What one sentinel says about the master. */
export interface Claim {
  readonly address: Address;
  /** Grows with every failover that a majority of the sentinels agreed on: the greater one is the newer truth. */
  readonly epoch: number;
  /** All fields of `SENTINEL MASTER`. */
  readonly fields: ReadonlyMap<string, string>;
}

/** It knows no master of that name. */
export class UnknownMasterError extends Error {
  override readonly name = 'UnknownMasterError';
}

const CHANNEL = '+switch-master';

/** One sentinel: what it says when it is asked, and a connection on which it tells of failovers by itself. */
export class Sentinel {
  readonly address: Address;
  readonly #options: RedisOptions;
  readonly #timeoutMs: number;
  readonly #patience: Patience;
  #subscription: Link | undefined;

  constructor(address: Address, options: RedisOptions, timeoutMs: number) {
    this.address = address;
    // A sentinel loads nothing, and its INFO says nothing about a role.
    this.#options = { ...options, ...address, enableReadyCheck: false };
    this.#timeoutMs = timeoutMs;
    this.#patience = new Patience(timeoutMs, () => timedOut(title(address), timeoutMs));
  }

  /** Asks on a connection of its own: the other one is for messages. Rejects with why it can't tell. */
  async ask(name: string): Promise<Claim> {
    const link = connect(this.#options, this.#timeoutMs, title(this.address));
    try {
      const client = link.open();
      // In this order: the sentinel that promotes a replica has the new epoch and the new address in the same moment, but tells that address by
      // the second question alone; by the first one, until the other replicas follow, that of the master that is being replaced.
      const asked = Promise.all([
        client.call('SENTINEL', 'MASTER', name),
        client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name),
      ]);
      const [master, address] = await this.#patience.bound(asked);
      return claimOf(master as string[], address as string[]);
    } catch (error) {
      // Sentinel's only answer without a code of its own is that it does not know the name.
      if (errorCode(error) === 'ERR') throw new UnknownMasterError(`${title(this.address)} knows no such master`);
      throw error instanceof RedisUnavailableError ? error : link.fault(error);
    } finally {
      link.close();
    }
  }

  /**
   * `moved` is called when the sentinel tells of a failover of `name`, and whenever it listens (again): it may have told meanwhile.
   * Reconnects by itself until closed.
   */
  watch(name: string, moved: () => void): void {
    if (this.#subscription !== undefined) return;
    const link = (this.#subscription = connectForMessages(this.#options, this.#timeoutMs, title(this.address)));
    link.client.on('message', (_channel, text) => {
      if (text.split(' ')[0] === name) moved();
    });
    link.on('ready', () => {
      link.client.subscribe(CHANNEL).then(moved, () => undefined);
    });
    link.open();
  }

  /** A connection that died unseen shows by a ping that stays unanswered: it is then replaced. */
  verify(): void {
    if (this.#subscription?.client.status === 'ready')
      this.#subscription.client.ping().then(undefined, () => undefined);
  }

  close(): void {
    this.#subscription?.close();
  }
}

/**
 * `SENTINEL MASTER` answers names and values in turn, `SENTINEL GET-MASTER-ADDR-BY-NAME` a host and a port.
 *
 * Source: https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/; when the two differ: `sentinelGetCurrentMasterAddress` in sentinel.c.
 */
function claimOf(master: readonly string[], [host = '', port = '']: readonly string[]): Claim {
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < master.length; i += 2) fields.set(String(master[i]), String(master[i + 1]));
  return { address: { host, port: Number(port) }, epoch: Number(fields.get('config-epoch') ?? 0), fields };
}

function title(address: Address): string {
  return `the sentinel ${shown(address)}`;
}
