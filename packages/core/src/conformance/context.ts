import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Capabilities } from '../contract.ts';
import type { LockEvent } from '../client/events.ts';
import type { Lock } from '../client/lock.ts';
import type { Locks } from '../client/locks.ts';
import type { AcquireOptions } from '../client/options.ts';
import { within } from './expect.ts';
import { Peer } from './peer/peer.ts';
import { FaultProxy } from './proxy.ts';
import type { Subject } from './subject.ts';
import { Timing } from './timing.ts';

/** What one run of one case uses. All of it is gone when the case is over. */
export class Context {
  readonly manifest: Capabilities;
  readonly time: Timing;
  readonly #subject: Subject;
  readonly #names = new Set<string>();
  readonly #clients: Locks[] = [];
  readonly #peers: Peer[] = [];
  readonly #proxies: FaultProxy[] = [];
  readonly #directories: string[] = [];
  readonly #starting = new Set<Promise<unknown>>();
  #over = false;

  constructor(subject: Subject, manifest: Capabilities) {
    this.#subject = subject;
    this.manifest = manifest;
    this.time = new Timing(manifest);
  }

  /** A name that nobody else uses; `shape` makes it out of something random. */
  name(shape: (random: string) => string = (random) => `conformance ${random}`): string {
    const name = shape(randomUUID());
    this.#names.add(name);
    return name;
  }

  /** A client of its own; `via` a proxy of this case. */
  async open(via?: FaultProxy): Promise<Locks> {
    return await this.#start(this.#clients, () => this.#subject.open(via?.address, via?.addresses));
  }

  /** A client in a process (or thread) of its own; `via` a proxy of this case. */
  async peer(via?: FaultProxy): Promise<Peer> {
    return await this.#start(this.#peers, () => Peer.start(this.#subject.peers, via?.address, via?.addresses));
  }

  /** A fault proxy in front of the server. */
  async proxy(): Promise<FaultProxy> {
    const { server, name } = this.#subject;
    if (server === undefined)
      throw new Error(`The binding of ${name} gives no \`server\`, but its manifest says reach: network`);
    return await this.#start(this.#proxies, () => FaultProxy.start(server));
  }

  /** An empty directory. */
  async directory(): Promise<string> {
    return await this.#start(this.#directories, () => mkdtemp(join(tmpdir(), 'holdfast-conformance-')));
  }

  /** Asks for a lock that somebody holds, and resolves once the request waits in the queue. */
  enqueue(locks: Locks, name: string, options: AcquireOptions = {}): Promise<{ granted: Promise<Lock> }> {
    const waits = new Promise<{ granted: Promise<Lock> }>((resolve, reject) => {
      const contended = (event: unknown): void => {
        const { name: contendedName, clientId } = event as LockEvent;
        if (contendedName !== name || clientId !== locks.clientId) return;
        unsubscribe('holdfast:contended', contended);
        // A backend may tell so while `acquire` has yet to return its promise.
        queueMicrotask(() => resolve({ granted }));
      };
      subscribe('holdfast:contended', contended);
      const granted = locks.acquire(name, options);
      granted
        .then(() => reject(new Error(`${name} was granted without waiting`)), reject)
        .finally(() => unsubscribe('holdfast:contended', contended));
    });
    return within(2 * this.time.prompt, waits, 'the backend tells that a request must wait');
  }

  /** Ends all that the case started. The network is good again first, so that clients can say goodbye. */
  async cleanUp(): Promise<void> {
    this.#over = true;
    // A case may have failed while something that it started at the same time was still on its way.
    await Promise.allSettled(this.#starting);
    for (const peer of this.#peers) peer.thaw();
    await settle(this.#proxies.map((proxy) => proxy.restore()));
    await settle([...this.#clients.map((locks) => locks.close()), ...this.#peers.map((peer) => peer.kill())]);
    await settle(this.#proxies.map((proxy) => proxy.close()));
    await settle(this.#directories.map((directory) => rm(directory, { recursive: true, force: true })));
  }

  /** What is started for a case that has hung, and goes on, must not outlive it. */
  async #start<T>(kept: T[], make: () => Promise<T>): Promise<T> {
    if (this.#over) throw new Error('The case is over');
    const work = make().then((made) => {
      kept.push(made);
      return made;
    });
    this.#starting.add(work);
    try {
      return await work;
    } finally {
      this.#starting.delete(work);
    }
  }

  /** Entries of this case's names that the backend still shows; nothing may be left once every ttl is over. */
  async leftovers(locks: Locks): Promise<string[]> {
    const left: string[] = [];
    for (const name of this.#names) {
      const { held, pending } = await locks.query(name);
      for (const info of held) left.push(`${JSON.stringify(name)} is held by ${info.clientId}`);
      for (const info of pending) left.push(`${info.clientId} waits for ${JSON.stringify(name)}`);
    }
    return left;
  }
}

/** All of them, before the first error is thrown. */
async function settle(work: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
