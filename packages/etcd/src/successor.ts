import type { ClientInfo } from '@holdfast/core/adapter';
import type { Connection } from './connection.ts';
import { txn } from './direct-client.ts';
import { parseRequestKey, successorOf } from './keys.ts';
import type { Entry } from './queue.ts';
import { handOver } from './requests.ts';
import type { Removal } from './requests.ts';
import type { Ticket } from './ticket.ts';
import type { Txn } from './txn.ts';

/**
 * Who waits directly behind a request. Told to the session of that request, which hands the lock over at its release, in the same transaction:
 * the next one then holds as soon as it hears of it, without a question of its own (the queue lock of Mellor-Crummey and Scott, 1991).
 *
 * Only from an exclusive request to an exclusive one, neither of them a thief. Then it is right: nobody was ahead of a holder, nobody can have come
 * between the two, and that there is no thief, and both are still there, is a condition of the transaction. Where it fails, or the
 * news came too late, the next one sees the end of the one ahead, and asks.
 */
export interface Successor {
  readonly key: string;
  readonly created: bigint;
  readonly client: ClientInfo;
}

export function canFollow(own: Entry, ahead: Entry): boolean {
  return [own, ahead].every(({ mode, thief }) => mode === 'exclusive' && !thief) && ahead.lease !== '0';
}

export function encodeSuccessor(ahead: Entry, { key, created, client }: Successor): Buffer {
  return Buffer.from(JSON.stringify({ of: ahead.key, key, created: `${created}`, client }));
}

function decodeSuccessor(value: Buffer): Successor & { readonly of: string } {
  const { created, ...rest } = JSON.parse(value.toString()) as {
    of: string;
    key: string;
    created: string;
    client: ClientInfo;
  };
  return { ...rest, created: BigInt(created) };
}

/** What a session was told of those that come next after its requests. */
export class Successors {
  readonly #connection: Connection;
  readonly #prefix: string;
  readonly #lease: string;

  constructor({ connection, prefix }: { readonly connection: Connection; readonly prefix: string }, lease: string) {
    this.#connection = connection;
    this.#prefix = prefix;
    this.#lease = lease;
  }

  onTold(pointer: string, value: Buffer, tickets: ReadonlyMap<string, Ticket>): void {
    const { of, ...next } = decodeSuccessor(value);
    const ticket = tickets.get(of);
    if (ticket === undefined) this.#erase(pointer);
    else ticket.next = next;
  }

  /** The release of one that holds; `undefined` if it can't hand over. */
  handOver({ key, queue, created, doubtful, next }: Ticket): Txn | undefined {
    // What was sent in doubt must leave a mark.
    if (next === undefined || created === undefined || doubtful) return undefined;
    const identity = parseRequestKey(key);
    if (identity?.mode !== 'exclusive' || identity.thief) return undefined;
    const { id, host, pid } = next.client;
    const value = Buffer.from(JSON.stringify({ client: id, host, pid, since: Date.now() }));
    return handOver({ key, created, queue, pointer: this.#pointer(key), next, value });
  }

  removal({ key, created, doubtful, next }: Ticket): Removal {
    return { key, created, doubtful, pointer: next && this.#pointer(key) };
  }

  /** It is out of the queue: it was told after our last word, or it was stolen. */
  forget({ key, next }: Ticket): void {
    if (next !== undefined) this.#erase(this.#pointer(key));
  }

  #pointer(key: string): string {
    return successorOf(this.#prefix, this.#lease, key);
  }

  /** Once: what is left goes with the lease. */
  #erase(key: string): void {
    const success = [{ request_delete_range: { key: Buffer.from(key) } }];
    this.#connection.once((client, options) => txn(client, { success }, options)).catch(() => undefined);
  }
}
