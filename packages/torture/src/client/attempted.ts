import type { Lock } from '@holdfast/core';
import { MICROS_PER_MS, nowMicros } from '../clock.ts';
import type { RegisterKind } from '../history/events.ts';
import type { Access } from '../register/registers.ts';
import type { Record } from './record.ts';

/** The record of one attempt. */
export class Attempted {
  readonly op: string;
  readonly #record: Record;
  readonly #settled: () => void;

  constructor(record: Record, op: string, settled: () => void) {
    this.#record = record;
    this.op = op;
    this.#settled = settled;
  }

  quit(): void {
    this.#record.say(this.op, { type: 'quit' });
  }

  granted(lock: Lock): void {
    const { t, until } = deadlineOf(lock);
    this.#settled();
    this.#record.say(this.op, { type: 'granted', token: String(lock.fencingToken), until }, t);
    this.#record.hold(this.op, lock);
    const { signal } = lock;
    if (signal.aborted) this.#lost(signal.reason, lock);
    else signal.addEventListener('abort', () => this.#lost(signal.reason, lock), { once: true });
  }

  ending(lock: Lock): void {
    this.#record.say(this.op, { type: 'ending' });
    this.#record.over(lock);
  }

  released(error?: unknown): void {
    this.#record.say(this.op, { type: 'released', ...(error === undefined ? {} : { code: codeOf(error) }) });
  }

  refused(): void {
    this.#settled();
    this.#record.say(this.op, { type: 'refused' });
  }

  failed(error: unknown): void {
    this.#settled();
    const message = error instanceof Error ? error.message : String(error);
    this.#record.say(this.op, { type: 'failed', code: codeOf(error), message });
  }

  touched(register: RegisterKind, action: 'read' | 'write', { accepted, index }: Access): void {
    this.#record.say(this.op, { type: 'touched', register, action, accepted, index });
  }

  #lost(reason: unknown, lock: Lock): void {
    this.#record.say(this.op, { type: 'lost', reason: reasonOf(reason) });
    this.#record.over(lock);
    this.#record.lost();
  }
}

/** The time first: a process that is frozen between the two readings then states too early a deadline, never too late a one. */
export function deadlineOf(lock: Lock): { readonly t: number; readonly until: number } {
  const t = nowMicros();
  return { t, until: t + Math.floor(lock.remainingMs * MICROS_PER_MS) };
}

/** The reason of an abort that the client asked for itself. */
export class Aborted extends Error {
  readonly code = 'ABORTED';
}

function codeOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string')
    return error.code;
  return error instanceof Error ? error.name : typeof error;
}

function reasonOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'reason' in error && typeof error.reason === 'string')
    return error.reason;
  return codeOf(error);
}
