import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '@holdfast/core/adapter';
import { FailedError, RefusedError, UnsentError } from './errors.ts';
import { Gate } from './gate.ts';
import { Http } from './http.ts';
import type { Answer, Host, HttpOptions, Question } from './http.ts';

export interface AgentsOptions extends HttpOptions {
  readonly hosts: readonly Host[];
  /** For one request to one agent, in ms. */
  readonly timeoutMs: number;
  /** After which a request that no agent answers fails, in ms. */
  readonly patienceMs: number;
}

export interface Asking {
  /** Called when an attempt has failed that an agent may have got. */
  readonly onDoubt?: () => void;
  /** Called before each attempt; ends the asking by throwing. */
  readonly check?: () => void;
  /** Default: that of the options. */
  readonly patienceMs?: number;
  readonly timeoutMs?: number;
  /** Heartbeats don't queue behind ten thousand acquisitions. */
  readonly urgent?: boolean;
}

/** Of an attempt, after which another may be made. */
interface Failure {
  readonly error: unknown;
}

/**
 * An agent refuses more than 200 connections of one client address (`http_max_conns_per_client`), and all processes of a host
 * are one: requests share these few, beside those that wait for a change.
 */
const CONNECTIONS = 16;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;
const TOO_MANY_REQUESTS = 429;

/** The agents that lead to one cluster. Whichever answers is kept; a session belongs to the cluster, so that any other will do. */
export class Agents {
  readonly timeoutMs: number;
  readonly patienceMs: number;
  readonly #hosts: readonly Host[];
  readonly #http: Http;
  readonly #gate = new Gate(CONNECTIONS);
  /** Called when an agent did not answer: what waits for a change may be waiting in vain. */
  onTrouble: () => void = () => undefined;
  #current = 0;

  constructor({ hosts, timeoutMs, patienceMs, ...http }: AgentsOptions) {
    this.#hosts = hosts;
    this.timeoutMs = timeoutMs;
    this.patienceMs = patienceMs;
    this.#http = new Http(http);
  }

  /** Asks until an agent answers; so it may be asked twice. Rejects with `RefusedError`, or with the last error when patience ends. */
  async ask(question: Omit<Question, 'timeoutMs'>, asking: Asking = {}): Promise<Answer> {
    const { patienceMs = this.patienceMs, urgent = false } = asking;
    let deadline: number | undefined;
    const attempt = (): Promise<Answer | Failure> => {
      // Patience is with agents, and begins when the first of them is asked.
      deadline ??= monotonicMs() + patienceMs;
      return this.#attempt(question, asking, deadline);
    };
    for (let attempts = 1; ; attempts += 1) {
      const outcome = await (urgent ? attempt() : this.#gate.through(attempt));
      if (!('error' in outcome)) return outcome;
      if (deadline !== undefined && monotonicMs() >= deadline) throw outcome.error;
      // Everyone once before the first pause.
      if (attempts % this.#hosts.length === 0) await pause(attempts / this.#hosts.length);
    }
  }

  /** One attempt, at the agent that answered last. */
  async once(question: Question): Promise<Answer> {
    const index = this.#current;
    try {
      return assess(await this.#http.exchange(this.#host(index), question));
    } catch (error) {
      if (!(error instanceof RefusedError) && !question.signal?.aborted && this.#current === index)
        this.#current = (index + 1) % this.#hosts.length;
      throw error;
    }
  }

  get count(): number {
    return this.#hosts.length;
  }

  close(): void {
    this.#http.close();
  }

  async #attempt(question: Omit<Question, 'timeoutMs'>, asking: Asking, deadline: number): Promise<Answer | Failure> {
    const { check, onDoubt, timeoutMs = this.timeoutMs } = asking;
    check?.();
    try {
      const left = Math.max(deadline - monotonicMs(), 1);
      return await this.once({ ...question, timeoutMs: Math.min(timeoutMs, left) });
    } catch (error) {
      if (error instanceof RefusedError) throw error;
      this.onTrouble();
      if (!(error instanceof UnsentError)) onDoubt?.();
      return { error };
    }
  }

  #host(index: number): Host {
    const host = this.#hosts[index];
    if (host === undefined) throw new Error('There is no Consul agent to ask');
    return host;
  }
}

/** 404 and 409 are answers: what was asked for is not there, or a condition was not met. */
function assess(answer: Answer): Answer {
  const { status, text } = answer;
  if (status < 300 || status === 404 || status === 409) return answer;
  const message = `${status} ${text.trim().slice(0, 300)}`;
  if (status >= 500 || status === TOO_MANY_REQUESTS) throw new FailedError(status, message);
  throw new RefusedError(status, message);
}

async function pause(round: number): Promise<void> {
  const bound = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(round, 10), LONGEST_PAUSE_MS);
  await delay(randomInt(Math.ceil(bound / 2), bound + 1), undefined, { ref: false });
}
