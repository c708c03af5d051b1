import { RedisUnavailableError } from '../errors.ts';
import { announced } from './address.ts';
import type { Address } from './address.ts';
import { SLOTS } from './slot.ts';

/** Which master serves which slot, as far as is known. */
export class SlotMap {
  #owners: (Address | undefined)[] = [];
  #masters = new Set<Address>();
  #replicas = new Set<Address>();

  /** Whether anybody has told. */
  get known(): boolean {
    return this.#masters.size > 0;
  }

  get masters(): ReadonlySet<Address> {
    return this.#masters;
  }

  get replicas(): ReadonlySet<Address> {
    return this.#replicas;
  }

  /** How many slots have one. */
  get covered(): number {
    return this.#owners.filter((owner) => owner !== undefined).length;
  }

  owner(slot: number): Address | undefined {
    return this.#owners[slot];
  }

  /** One slot has moved. */
  move(slot: number, to: Address): void {
    this.#owners[slot] = to;
    this.#masters.add(to);
  }

  /**
   * All anew, from the answer of the node at `by` to CLUSTER SLOTS: `[from, to, [host, port, id, metadata], …replicas]` for each range.
   * Throws `BackendUnavailableError` if it is older than 7.0, by its answer.
   */
  read(answer: unknown, by: Address): void {
    const owners: (Address | undefined)[] = Array.from({ length: SLOTS });
    const masters = new Set<Address>();
    const replicas = new Set<Address>();
    for (const [from, to, master, ...others] of answer as [number, number, unknown[], ...unknown[][]][]) {
      // The fourth came with sharded publish and subscribe.
      if (master.length < 4) throw new RedisUnavailableError(OLD, false);
      const owner = announced(master[0], master[1], by);
      masters.add(owner);
      for (const [host, port] of others) replicas.add(announced(host, port, by));
      owners.fill(owner, from, to + 1);
    }
    this.#owners = owners;
    this.#masters = masters;
    this.#replicas = replicas;
  }
}

const OLD = 'The Redis cluster is older than 7.0: it has no sharded publish and subscribe, by which waiters are told';
