/** The calls of Consul's HTTP API that locks need. */
import type { Agents, Asking } from './agents.ts';
import { RefusedError } from './errors.ts';
import { pathOf } from './keys.ts';

/** Part of every request. */
export interface Scope {
  readonly datacenter: string | undefined;
  readonly namespace: string | undefined;
  readonly partition: string | undefined;
}

export interface KeyValue {
  readonly Key: string;
  /** In base64; `null` where the server leaves it out. */
  readonly Value: string | null;
  readonly Session?: string;
  readonly Flags: number;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

/** As the flags of a request's key: a release has granted it the lock. */
export const GRANTED = 1;

/** One operation of a transaction. */
export interface Operation {
  readonly Verb: 'lock' | 'delete' | 'check-index' | 'check-session' | 'get-tree';
  readonly Key: string;
  readonly Value?: string;
  /** Of a `lock`; default 0. */
  readonly Flags?: number;
  readonly Session?: string;
  readonly Index?: number;
}

/** A transaction is applied at one index, or not at all: then `failed` says which of its operations would not do, and `why` in words. */
export type Outcome =
  | { readonly applied: true; readonly results: readonly KeyValue[] }
  | { readonly applied: false; readonly failed: readonly number[]; readonly why: string };

export interface Reading {
  readonly entries: readonly KeyValue[];
  /** Of the key or of the whole prefix; what a blocking query is to wait for a change of. */
  readonly index: number;
}

export interface Blocking {
  readonly index: number;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** How long the server may answer after `wait`: it adds up to a sixteenth, so that not all ask again at once. */
const JITTER_FRACTION = 16;
const NOT_FOUND = 404;

export class Consul {
  readonly agents: Agents;
  readonly #scope: string;
  readonly #fields: { readonly Namespace?: string; readonly Partition?: string };

  constructor(agents: Agents, { datacenter, namespace, partition }: Scope) {
    this.agents = agents;
    this.#scope = [...query({ dc: datacenter, ns: namespace, partition })].map((parameter) => `&${parameter}`).join('');
    this.#fields = {
      ...(namespace === undefined ? {} : { Namespace: namespace }),
      ...(partition === undefined ? {} : { Partition: partition }),
    };
  }

  /**
   * A session without health checks: with the default ones a node that is cut off for a few seconds loses its locks, whatever
   * their ttl (patroni#522). Without lock-delay: that keeps a key locked for 15 s after its holder has died, in case it is not
   * dead, which is what the fencing token is for.
   */
  async createSession(node: string, ttlMs: number): Promise<string> {
    const body = {
      ...{ Node: node, Name: 'holdfast', TTL: `${ttlMs}ms`, Behavior: 'delete' },
      ...{ LockDelay: '0s', NodeChecks: [], ServiceChecks: [], ...this.#fields },
    };
    const { text } = await this.agents.ask({ method: 'PUT', path: this.#path('session/create'), body });
    return (JSON.parse(text) as { ID: string }).ID;
  }

  /**
   * A session belongs to a node, and ends with it: by default the node of the agent that was asked, which is gone when that agent
   * leaves the cluster, or, if it was a server, a few seconds after its crash. So sessions get a node of their own, which no agent
   * answers for and nobody removes.
   */
  async ensureNode(node: string): Promise<void> {
    const { text } = await this.agents.ask({ method: 'GET', path: this.#path(`catalog/node/${node}`) });
    if (JSON.parse(text) !== null) return;
    const body = { Node: node, Address: '127.0.0.1', ...this.#fields };
    await this.agents.ask({ method: 'PUT', path: this.#path('catalog/register'), body });
  }

  /** Whether it is still there. */
  async renewSession(id: string, asking: Asking): Promise<boolean> {
    const { status } = await this.agents.ask({ method: 'PUT', path: this.#path(`session/renew/${id}`) }, asking);
    return status !== NOT_FOUND;
  }

  async destroySession(id: string): Promise<void> {
    await this.agents.ask({ method: 'PUT', path: this.#path(`session/destroy/${id}`) });
  }

  async transact(operations: readonly Operation[], asking?: Asking): Promise<Outcome> {
    const body = operations.map((operation) => ({ KV: { ...operation, ...this.#fields } }));
    const { status, text } = await this.agents.ask({ method: 'PUT', path: this.#path('txn'), body }, asking);
    if (status === NOT_FOUND) throw new RefusedError(status, 'this agent has no transactions');
    const { Results: results, Errors: errors } = JSON.parse(text) as Transaction;
    if (errors === null || errors === undefined || errors.length === 0) {
      return { applied: true, results: (results ?? []).map(({ KV }) => KV) };
    }
    const why = [...new Set(errors.map(({ What }) => What))].join('; ');
    return { applied: false, failed: errors.map(({ OpIndex }) => OpIndex), why };
  }

  async read(key: string, asking?: Asking): Promise<KeyValue | undefined> {
    const answer = await this.agents.ask({ method: 'GET', path: this.#path(`kv/${pathOf(key)}`) }, asking);
    return readingOf(answer).entries[0];
  }

  async list(prefix: string, asking?: Asking): Promise<readonly KeyValue[]> {
    const answer = await this.agents.ask(
      { method: 'GET', path: this.#path(`kv/${pathOf(prefix)}`, '&recurse') },
      asking,
    );
    if (answer.header('x-consul-results-filtered-by-acls') === 'true') {
      throw new RefusedError(403, `the ACL token may not read all of ${prefix}`);
    }
    return readingOf(answer).entries;
  }

  /** A blocking query: answers when the key, or anything under the prefix, has changed since `index`, or after the wait. */
  async poll(key: string, isPrefix: boolean, { index, waitMs, signal }: Blocking): Promise<Reading> {
    const blocking = index > 0 ? `&index=${index}&wait=${waitMs}ms` : '';
    const path = this.#path(`kv/${pathOf(key)}`, `${isPrefix ? '&recurse' : ''}${blocking}`);
    const timeoutMs = (index > 0 ? waitMs + waitMs / JITTER_FRACTION : 0) + this.agents.timeoutMs;
    return readingOf(await this.agents.once({ method: 'GET', path, timeoutMs, signal }));
  }

  async self(): Promise<{ readonly version: string; readonly isServer: boolean }> {
    const { text } = await this.agents.ask({ method: 'GET', path: this.#path('agent/self') });
    const { Config } = JSON.parse(text) as { Config: { Version: string; Server: boolean } };
    return { version: Config.Version, isServer: Config.Server };
  }

  /** The address of the leader; empty if there is none. */
  async leader(): Promise<string> {
    return JSON.parse((await this.agents.ask({ method: 'GET', path: this.#path('status/leader') })).text) as string;
  }

  async peers(): Promise<readonly string[]> {
    return JSON.parse((await this.agents.ask({ method: 'GET', path: this.#path('status/peers') })).text) as string[];
  }

  #path(path: string, parameters = ''): string {
    const all = `${parameters}${this.#scope}`;
    return `/v1/${path}${all === '' ? '' : `?${all.slice(1)}`}`;
  }
}

interface Transaction {
  readonly Results?: readonly { readonly KV: KeyValue }[] | null;
  readonly Errors?: readonly { readonly OpIndex: number; readonly What: string }[] | null;
}

function readingOf({
  status,
  text,
  header,
}: {
  status: number;
  text: string;
  header(name: string): string | undefined;
}): Reading {
  const entries = status === NOT_FOUND ? [] : (JSON.parse(text) as KeyValue[]);
  return { entries, index: Number(header('x-consul-index') ?? 0) };
}

function* query(parameters: Readonly<Record<string, string | undefined>>): Generator<string> {
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) yield `${name}=${encodeURIComponent(value)}`;
  }
}
