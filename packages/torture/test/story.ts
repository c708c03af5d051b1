import { check } from '../dist/check/check.js';
import type { Judgement } from '../dist/check/check.js';
import type { Rule, Terms } from '../dist/check/violation.js';
import type {
  ClientEvent,
  FaultKind,
  HistoryEvent,
  Invoked,
  RegisterEntry,
  RegisterKind,
} from '../dist/history/events.js';

const MS = 1000;

export const terms: Terms = {
  takeover: 'after-ttl',
  fifo: true,
  ttlMs: 1000,
  granularityMs: 100,
  slackMs: 500,
  serveMs: 5000,
};

/** Writes a history by hand; all times in ms. Client `a` is 0, `b` is 1, and so on. */
export class Story {
  readonly events: HistoryEvent[] = [];
  readonly register: RegisterEntry[] = [];
  readonly leftovers: string[] = [];
  #faults = 0;

  /** `a` asks at `at`; the op is named after it. */
  ask(who: string, at: number, more: Partial<Invoked> = {}): this {
    return this.#push({
      type: 'invoke',
      ...this.#of(who, at),
      name: 'n',
      mode: 'exclusive',
      wait: true,
      steal: false,
      ttlMs: terms.ttlMs,
      ...more,
    });
  }

  queued(who: string, at: number): this {
    return this.#push({ type: 'queued', ...this.#of(who, at) });
  }

  granted(who: string, at: number, token: number, until = at + terms.ttlMs): this {
    return this.#push({ type: 'granted', ...this.#of(who, at), token: String(token), until: until * MS });
  }

  proof(who: string, at: number, until = at + terms.ttlMs): this {
    return this.#push({ type: 'proof', ...this.#of(who, at), until: until * MS });
  }

  ending(who: string, at: number): this {
    return this.#push({ type: 'ending', ...this.#of(who, at) });
  }

  lost(who: string, at: number, reason = 'expired'): this {
    return this.#push({ type: 'lost', ...this.#of(who, at), reason });
  }

  refused(who: string, at: number): this {
    return this.#push({ type: 'refused', ...this.#of(who, at) });
  }

  failed(who: string, at: number, code: string): this {
    return this.#push({ type: 'failed', ...this.#of(who, at), code, message: 'as the test wants it' });
  }

  /** Asks, is granted at once and gives back. */
  held(who: string, from: number, to: number, token: number, more: Partial<Invoked> = {}): this {
    return this.ask(who, from - 1, more)
      .granted(who, from, token, Math.max(to, from + terms.ttlMs))
      .ending(who, to);
  }

  killed(who: string, at: number): this {
    const { client, life, t } = this.#of(who, at);
    return this.#push({ type: 'killed', client, life, t });
  }

  died(who: string, at: number): this {
    const { client, life, t } = this.#of(who, at);
    return this.#push({ type: 'died', client, life, t, status: 'status 1' });
  }

  fault(kind: FaultKind, from: number, to: number, who?: string): this {
    this.#faults += 1;
    const of = {
      type: 'fault',
      id: this.#faults,
      kind,
      ...(who === undefined ? {} : { client: this.#of(who, 0).client }),
    } as const;
    return this.#push({ ...of, phase: 'begin', t: from * MS }).#push({ ...of, phase: 'end', t: to * MS });
  }

  calm(at: number): this {
    return this.#push({ type: 'calm', t: at * MS });
  }

  stop(at: number): this {
    return this.#push({ type: 'stop', t: at * MS });
  }

  touched(who: string, action: 'read' | 'write', token: number, base: number, value: number, accepted = true): this {
    return this.#touch('fenced', who, action, token, base, value, accepted);
  }

  unfenced(who: string, token: number, base: number, value: number): this {
    return this.#touch('unfenced', who, 'write', token, base, value, true);
  }

  judge(more: Partial<Terms> = {}): Judgement {
    return check({
      terms: { ...terms, ...more },
      events: this.events.toSorted((a, b) => a.t - b.t),
      register: this.register,
      leftovers: this.leftovers,
    });
  }

  /** The rules that are broken, each once. */
  broken(more: Partial<Terms> = {}): Rule[] {
    return [...new Set(this.judge(more).violations.map(({ rule }) => rule))];
  }

  #touch(
    register: RegisterKind,
    who: string,
    action: 'read' | 'write',
    token: number,
    base: number,
    value: number,
    accepted: boolean,
  ): this {
    this.register.push({
      name: 'n',
      register,
      action,
      token: String(token),
      op: this.#of(who, 0).op,
      base,
      value,
      accepted,
    });
    return this;
  }

  #of(who: string, at: number): { client: number; life: number; op: string; t: number } {
    const client = who.charCodeAt(0) - 'a'.charCodeAt(0);
    return { client, life: 1, op: who, t: at * MS };
  }

  #push(event: HistoryEvent | ClientEvent): this {
    this.events.push(event);
    return this;
  }
}
