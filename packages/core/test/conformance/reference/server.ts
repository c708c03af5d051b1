import { apply, emptyQueue, find, monotonicMs, nextExpiry, snapshot } from '@holdfast/core/adapter';
import type { LockSnapshot, LossReason, QueueChange, QueueEvent, QueueState } from '@holdfast/core/adapter';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { onLine, sendLine } from './wire.ts';
import type { Answer, Command } from './wire.ts';

/** How the server keeps its queues. The defaults are right; each mutant replaces one. */
export interface Rules {
  apply(state: QueueState, event: QueueEvent): QueueChange;
  /** The lock that a name means. */
  lockOf(name: string): string;
  /** Whether a holder is told that its hold has ended. */
  tells(reason: LossReason): boolean;
  snapshot(name: string, state: QueueState): LockSnapshot;
}

type Change = QueueEvent extends infer E ? (E extends QueueEvent ? Omit<E, 'time' | 'wallMicros'> : never) : never;

const right: Rules = { apply, lockOf: (name) => name, tells: () => true, snapshot };

/** The reference backend's server: core's queue behind a TCP port. */
export class ReferenceServer {
  readonly #rules: Rules;
  readonly #server: Server = createServer((socket) => this.#serve(socket));
  readonly #queues = new Map<string, QueueState>();
  readonly #sockets = new Set<Socket>();
  /** Where each owner was last heard of. */
  readonly #homes = new Map<string, Socket>();
  readonly #clock: NodeJS.Timeout;

  private constructor(rules: Partial<Rules>) {
    this.#rules = { ...right, ...rules };
    this.#clock = setInterval(() => this.#tick(), 5);
  }

  static async start(rules: Partial<Rules> = {}): Promise<ReferenceServer> {
    const server = new ReferenceServer(rules);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get address(): { host: string; port: number } {
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  async stop(): Promise<void> {
    clearInterval(this.#clock);
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket): void {
    socket.setNoDelay(true);
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    onLine(socket, (line) => {
      const command = line as Command & { id: number };
      sendLine(socket, { id: command.id, answer: this.#answer(command, socket) });
    });
  }

  #answer(command: Command, socket: Socket): Answer {
    if (command.op === 'query') return this.#query(command.name);
    const { owner } = command;
    const name = this.#rules.lockOf(command.name);
    this.#homes.set(owner, socket);
    const left = find(this.#queue(name), owner) !== undefined;
    this.#change(name, command.op === 'request' ? { ...command, type: 'request' } : { type: command.op, owner });
    if (command.op === 'leave') return { left };
    const entry = find(this.#queue(name), owner);
    if (entry?.token !== undefined) return { place: 'held', token: String(entry.token) };
    return { place: entry === undefined ? 'absent' : 'waiting' };
  }

  #query(name: string | undefined): Answer {
    this.#tick();
    const names = name === undefined ? [...this.#queues.keys()] : [this.#rules.lockOf(name)];
    const parts = names.map((each) => this.#rules.snapshot(each, this.#queue(each)));
    return JSON.parse(
      JSON.stringify(
        { held: parts.flatMap(({ held }) => held), pending: parts.flatMap(({ pending }) => pending) },
        (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value),
      ),
    ) as Answer;
  }

  #queue(name: string): QueueState {
    return this.#queues.get(name) ?? emptyQueue();
  }

  #change(name: string, event: Change): void {
    const state = this.#queue(name);
    const wallMicros = BigInt(Date.now()) * 1000n;
    const { granted, ended } = this.#rules.apply(state, { ...event, time: monotonicMs(), wallMicros });
    // The state stays also when the queue is empty: it has the last token, and a test has few names.
    this.#queues.set(name, state);
    const self = event.type === 'tick' ? undefined : event.owner;
    for (const { owner, token } of granted)
      if (owner !== self) this.#tell(owner, { type: 'granted', token: String(token) });
    for (const { entry, reason } of ended) if (this.#rules.tells(reason)) this.#tell(entry.owner, { type: reason });
  }

  #tell(owner: string, event: { type: 'granted' | LossReason; token?: string }): void {
    const home = this.#homes.get(owner);
    if (home !== undefined) sendLine(home, { owner, event });
  }

  #tick(): void {
    const now = monotonicMs();
    for (const [name, state] of this.#queues) if (nextExpiry(state) <= now) this.#change(name, { type: 'tick' });
  }
}
