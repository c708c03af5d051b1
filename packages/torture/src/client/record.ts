import { subscribe } from 'node:diagnostics_channel';
import type { Lock, LockEvent } from '@holdfast/core';
import { nowMicros } from '../clock.ts';
import type { AttemptEvent } from '../history/events.ts';
import type { HistoryWriter } from '../history/writer.ts';
import { Attempted, deadlineOf } from './attempted.ts';
import type { ClientSpec, FromClient } from './spec.ts';
import type { Step } from './plan.ts';

interface Pending {
  readonly op: string;
  readonly name: string;
  queued: boolean;
}

type Said<E> = E extends AttemptEvent ? Omit<E, 't' | 'client' | 'life' | 'op'> : never;

/** Writes down what a client sees, at the moment it sees it. */
export class Record {
  readonly #writer: HistoryWriter;
  readonly #who: { readonly client: number; readonly life: number };
  readonly #pending = new Set<Pending>();
  /** By name and token. */
  readonly #held = new Map<string, { readonly op: string; readonly lock: Lock }>();
  #operations = 0;
  #grants = 0;
  #losses = 0;

  constructor(writer: HistoryWriter, { client, life }: ClientSpec) {
    this.#writer = writer;
    this.#who = { client, life };
    subscribe('holdfast:contended', (event) => this.#queued(event as LockEvent));
    subscribe('holdfast:renewed', (event) => this.#renewed(event as LockEvent));
  }

  get counts(): FromClient {
    return { operations: this.#operations, grants: this.#grants, losses: this.#losses };
  }

  start(): void {
    this.#writer.write({ type: 'start', t: nowMicros(), ...this.#who, pid: process.pid });
  }

  end(): void {
    this.#writer.write({ type: 'end', t: nowMicros(), ...this.#who });
  }

  invoke({ name, mode, permits, verb, steal, ttlMs }: Step): Attempted {
    this.#operations += 1;
    const op = `${this.#who.client}.${this.#who.life}.${this.#operations}`;
    const pending: Pending = { op, name, queued: false };
    this.#pending.add(pending);
    const wait = verb !== 'tryAcquire';
    this.say(op, {
      type: 'invoke',
      name,
      mode,
      ...(permits === undefined ? {} : { permits }),
      wait,
      steal,
      ttlMs,
    });
    return new Attempted(this, op, () => this.#pending.delete(pending));
  }

  say(op: string, event: Said<AttemptEvent>, t: number = nowMicros()): void {
    this.#writer.write({ ...event, t, ...this.#who, op });
  }

  hold(op: string, lock: Lock): void {
    this.#grants += 1;
    this.#held.set(keyOf(lock), { op, lock });
  }

  over(lock: Lock): void {
    this.#held.delete(keyOf(lock));
  }

  lost(): void {
    this.#losses += 1;
  }

  /** The event names no attempt: if more than one may be meant, none is said to wait. */
  #queued({ name }: LockEvent): void {
    const [candidate, other] = [...this.#pending].filter((pending) => pending.name === name && !pending.queued);
    if (candidate === undefined || other !== undefined) return;
    candidate.queued = true;
    this.say(candidate.op, { type: 'queued' });
  }

  #renewed({ name, fencingToken }: LockEvent): void {
    const held = this.#held.get(`${fencingToken} ${name}`);
    if (held === undefined) return;
    const { t, until } = deadlineOf(held.lock);
    if (until > t) this.say(held.op, { type: 'proof', until }, t);
  }
}

function keyOf({ name, fencingToken }: Lock): string {
  return `${fencingToken} ${name}`;
}
