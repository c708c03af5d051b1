import { BackendUnavailableError, monotonicMs } from '@holdfast/core/adapter';
import type { Source, Use } from './connect.ts';
import type { Limits, Session } from './session.ts';

export interface ConnectionsOptions {
  readonly source: Source;
  readonly use: Use;
  /** How many may be open, all together. */
  readonly max: number;
  /** How long a request for one waits, in ms. */
  readonly patienceMs: number;
  /** How long an unused one is kept, in ms. */
  readonly idleMs: number;
}

/** A burst of requests that are soon done needs few connections; a server answers few at once any sooner. */
const MOST_OPENING = 8;

interface Applicant {
  readonly give: (session: Session | undefined) => void;
  readonly refuse: (error: Error) => void;
}

export interface Application {
  /** Ends the wait for a connection. */
  readonly signal?: AbortSignal | undefined;
  /** Comes before all others who wait: a proof of life has a deadline. */
  readonly isUrgent?: boolean;
}

/** The connections that lock: one for each lock that is held or waited for, never more than stated, kept a while for the next. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #idle: { readonly session: Session; readonly since: number }[] = [];
  readonly #all = new Set<Session>();
  readonly #line: Applicant[] = [];
  #opening = 0;
  #timer: NodeJS.Timeout | undefined;
  /** On the monotonic clock; `Infinity` without a timer. */
  #wakesAt = Infinity;
  #closed = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /** Whether there is any, in use or kept. */
  get isOpen(): boolean {
    return this.#all.size > 0;
  }

  /** Each is followed by one {@link done}, or is destroyed. */
  async use(limits: Limits, application: Application): Promise<Session> {
    const idle = this.#takeIdle(limits);
    if (idle !== undefined) return idle;
    if (this.#mayOpen()) return await this.#open(limits);
    // All are in use, or enough are on their way: whatever comes first.
    const given = await this.#queue(application);
    return given ?? (await this.#open(limits, true));
  }

  /** Opens one ahead for whoever is known to need it soon, if none is there. Not being able to is nobody's error yet. */
  warm(limits: Limits): void {
    if (this.#idle.length > 0 || this.#opening > 0 || !this.#mayOpen()) return;
    this.#open(limits).then(
      (session) => this.keep(session),
      () => undefined,
    );
  }

  /** Ends its transaction, and with it what it holds; then it is kept for the next who asks. */
  async done(session: Session): Promise<void> {
    if (!session.isOpen) return;
    try {
      await session.change('ROLLBACK');
    } catch (error) {
      session.destroy();
      throw error;
    }
    this.keep(session);
  }

  /** For the next who asks: it is in no transaction. */
  keep(session: Session): void {
    if (!session.isOpen) return;
    if (this.#closed) return session.destroy();
    const next = this.#line.shift();
    if (next !== undefined) return next.give(session);
    const since = monotonicMs();
    this.#idle.push({ session, since });
    // Most are used again long before: the timer that is there already finds out what is left of this one.
    if (this.#expiry(session, since) < this.#wakesAt) this.#schedule();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const session of [...this.#all]) session.destroy();
    for (const { refuse } of [...this.#line]) refuse(closed());
  }

  /** The one used last first: its settings are the likeliest to fit, and the others can go. */
  #takeIdle(limits: Limits): Session | undefined {
    this.#evict();
    const fits = this.#idle.findLastIndex(({ session }) => session.limits.idleS === limits.idleS);
    const [taken] = this.#idle.splice(fits >= 0 ? fits : this.#idle.length - 1, 1);
    return taken?.session;
  }

  /** `reserved`: the place was counted as opening by whoever freed it. */
  async #open(limits: Limits, reserved = false): Promise<Session> {
    if (!reserved) this.#opening += 1;
    try {
      const session = await this.#options.source.open(this.#options.use, limits);
      if (this.#closed) {
        session.destroy();
        throw closed();
      }
      this.#all.add(session);
      session.onClose(() => this.#onClose(session));
      return session;
    } finally {
      this.#opening -= 1;
      this.#serve();
    }
  }

  #mayOpen(): boolean {
    return this.#all.size + this.#opening < this.#options.max && this.#opening < MOST_OPENING;
  }

  #onClose(session: Session): void {
    this.#all.delete(session);
    const at = this.#idle.findIndex((idle) => idle.session === session);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#serve();
  }

  /** The next in line open connections of their own, as far as they may. */
  #serve(): void {
    while (this.#mayOpen()) {
      const next = this.#line.shift();
      if (next === undefined) return;
      this.#opening += 1;
      next.give(undefined);
    }
  }

  #queue({ signal, isUrgent = false }: Application): Promise<Session | undefined> {
    const { max, patienceMs } = this.#options;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        const at = this.#line.indexOf(applicant);
        if (at >= 0) this.#line.splice(at, 1);
      };
      const refuse = (error: Error): void => {
        settle();
        reject(error);
      };
      const give = (session: Session | undefined): void => {
        settle();
        resolve(session);
      };
      const onAbort = (): void => refuse(signal?.reason as Error);
      const applicant: Applicant = { give, refuse };
      const timer = setTimeout(() => refuse(exhausted(max, patienceMs)), patienceMs);
      timer.unref();
      signal?.addEventListener('abort', onAbort);
      if (isUrgent) this.#line.unshift(applicant);
      else this.#line.push(applicant);
    });
  }

  #evict(): void {
    const now = monotonicMs();
    for (const { session, since } of [...this.#idle]) if (now >= this.#expiry(session, since)) session.destroy();
  }

  /** Well before the server closes it for being silent. */
  #expiry(session: Session, since: number): number {
    return since + Math.min(this.#options.idleMs, session.limits.idleS * 500);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    this.#wakesAt = Math.min(...this.#idle.map(({ session, since }) => this.#expiry(session, since)));
    if (this.#wakesAt === Infinity) return;
    this.#timer = setTimeout(
      () => {
        this.#evict();
        this.#schedule();
      },
      Math.max(this.#wakesAt - monotonicMs(), 1),
    );
    this.#timer.unref();
  }
}

function exhausted(max: number, patienceMs: number): BackendUnavailableError {
  return new BackendUnavailableError(
    `All connections are in use: ${max} locks are held or waited for, as many as \`connections\` allows less the one for tokens, and none became free within ${patienceMs} ms. Raise \`connections\`, or hold fewer locks at once`,
  );
}

function closed(): BackendUnavailableError {
  return new BackendUnavailableError('The backend is closed');
}
