import { HoldfastError } from '../../errors.ts';
import type { LockSnapshot } from '../../contract.ts';
import type { Address, PeerSource } from '../subject.ts';
import type { Body } from './body.ts';
import type { Handed, Loss, Operation, Operations, Reply, Seen, SentError, SentOptions } from './protocol.ts';
import { startProcess } from './process-body.ts';
import { startThread } from './thread-body.ts';

/** An error that a peer met: the code of the original, and the reason of a loss. */
export class PeerError extends HoldfastError {
  readonly reason: unknown;

  constructor({ name, message, code, reason }: SentError) {
    super(typeof code === 'string' ? code : 'PEER', `in the peer: ${name}: ${message}`);
    this.reason = reason;
  }
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  contended(): void;
}

/** A second client in a process or thread of its own. */
export class Peer {
  readonly #body: Body;
  readonly #calls = new Map<number, Waiting>();
  #count = 0;
  #state: 'running' | 'frozen' | 'gone' = 'running';

  private constructor(body: Body) {
    this.#body = body;
    body.onReply((reply) => this.#onReply(reply));
    void body.gone.then((why) => {
      this.#state = 'gone';
      for (const call of this.#calls.values()) call.reject(new Error(`The peer ${why}`));
      this.#calls.clear();
    });
  }

  static async start(source: PeerSource, via?: Address, vias?: readonly Address[]): Promise<Peer> {
    const peer = new Peer(source.kind === 'process' ? startProcess() : startThread());
    const module = source.module ?? new URL('./open.js', import.meta.url).href;
    try {
      await peer.#call('open', { module, data: source.data(via, vias), main: process.argv[1] });
      return peer;
    } catch (error) {
      await peer.kill();
      throw error;
    }
  }

  async acquire(name: string, options: SentOptions = {}): Promise<PeerLock> {
    return this.#lock(await this.#call('acquire', { name, options, wait: true })) as PeerLock;
  }

  async tryAcquire(name: string, options: SentOptions = {}): Promise<PeerLock | null> {
    return this.#lock(await this.#call('acquire', { name, options, wait: false }));
  }

  /** Resolves once the request waits in the queue. */
  enqueue(name: string, options: SentOptions = {}): Promise<{ granted: Promise<PeerLock> }> {
    return new Promise((resolve, reject) => {
      const granted: Promise<PeerLock> = this.#call('acquire', { name, options, wait: true }, () =>
        resolve({ granted }),
      ).then((handed) => this.#lock(handed) as PeerLock);
      granted.then(() => reject(new Error(`${name} was free: the peer did not have to wait`)), reject);
    });
  }

  count(work: Operations['count']['argument']): Promise<void> {
    return this.#call('count', work);
  }

  query(name: string): Promise<LockSnapshot> {
    return this.#call('query', name);
  }

  ping(): Promise<void> {
    return this.#call('ping', undefined);
  }

  close(): Promise<void> {
    return this.#call('close', undefined);
  }

  /** From now on only its locks keep it alive. Resolves once it has been told. */
  leave(): Promise<void> {
    return this.#call('leave', undefined);
  }

  /** Resolves when it is gone, with why. */
  get gone(): Promise<string> {
    return this.#body.gone;
  }

  async freeze(): Promise<void> {
    this.#state = 'frozen';
    await this.#body.freeze();
  }

  thaw(): void {
    if (this.#state !== 'frozen') return;
    this.#state = 'running';
    this.#body.thaw();
  }

  /** At once: nothing of it runs any more, whatever it was doing. */
  async kill(): Promise<void> {
    if (this.#state === 'gone') return;
    await this.#body.kill();
    this.#state = 'gone';
  }

  #lock(handed: Handed | null): PeerLock | null {
    return handed === null ? null : new PeerLock(handed, (operation, argument) => this.#call(operation, argument));
  }

  #call<O extends Operation>(
    operation: O,
    argument: Operations[O]['argument'],
    contended: () => void = () => undefined,
  ): Promise<Operations[O]['result']> {
    if (this.#state === 'gone') return Promise.reject(new Error('The peer is gone'));
    this.#count += 1;
    const id = this.#count;
    const work = new Promise<Operations[O]['result']>((resolve, reject) => {
      this.#calls.set(id, { resolve: resolve, reject, contended });
      this.#body.send({ id, operation, argument });
    });
    // A peer is killed in the middle of its calls, on purpose, and not every case looks at what becomes of them.
    work.catch(() => undefined);
    return work;
  }

  #onReply(reply: Reply): void {
    const call = this.#calls.get(reply.id);
    if (call === undefined) return;
    if (reply.type === 'contended') {
      call.contended();
      return;
    }
    this.#calls.delete(reply.id);
    if (reply.type === 'result') call.resolve(reply.value);
    else call.reject(new PeerError(reply.error));
  }
}

type Caller = <O extends Operation>(
  operation: O,
  argument: Operations[O]['argument'],
) => Promise<Operations[O]['result']>;

/** A lock that a peer holds. */
export class PeerLock {
  /** As it was at the moment it was handed over. */
  readonly handed: Handed;
  readonly #call: Caller;

  constructor(handed: Handed, call: Caller) {
    this.handed = handed;
    this.#call = call;
  }

  get fencingToken(): bigint {
    return this.handed.fencingToken;
  }

  release(): Promise<void> {
    return this.#call('release', this.handed.lock);
  }

  renew(): Promise<void> {
    return this.#call('renew', this.handed.lock);
  }

  look(): Promise<Seen> {
    return this.#call('look', this.handed.lock);
  }

  /** Resolves when its signal aborts. */
  loss(): Promise<Loss> {
    return this.#call('loss', this.handed.lock);
  }

  /** Blocks the peer for so many ms, then looks before any of its timers can run. */
  block(ms: number): Promise<Seen> {
    return this.#call('block', { lock: this.handed.lock, ms });
  }
}
