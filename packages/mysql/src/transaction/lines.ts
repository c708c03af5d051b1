/** A request's place among those of this client for one name. */
export interface Place {
  /** Resolves when nobody of this client is ahead; rejects with the signal's reason. */
  readonly first: Promise<void>;
  /** The one in front waits at the server, and with it all of the line. */
  contended(): void;
  /** Lets the next one come. Safe to call twice. */
  leave(): void;
}

export interface Applicant {
  readonly signal: AbortSignal;
  /** Called once if it turns out that it must wait. */
  readonly onContended: () => void;
}

interface Entry {
  readonly applicant: Applicant;
  told: boolean;
  come: () => void;
}

interface Line {
  readonly entries: Entry[];
  isContended: boolean;
}

/**
 * Each who waits at the server needs a connection, so that the requests of this client for one name go there one after the
 * other, in order, each at the end of the server's queue: clients take turns.
 */
export class Lines<A extends Applicant> {
  readonly #lines = new Map<string, Line>();

  /** Whether somebody of this client waits at the server. */
  isContended(name: string): boolean {
    return this.#lines.get(name)?.isContended ?? false;
  }

  /** Those behind the first one, by name, in order: the server does not know of them yet. */
  *behind(): Generator<A> {
    for (const { entries } of this.#lines.values()) for (const { applicant } of entries.slice(1)) yield applicant as A;
  }

  enter(name: string, applicant: A): Place {
    const line = this.#lines.get(name) ?? { entries: [], isContended: false };
    this.#lines.set(name, line);
    const entry: Entry = { applicant, told: false, come: () => undefined };
    line.entries.push(entry);
    if (line.isContended) tell(entry);

    const leave = (): void => this.#leave(name, line, entry);
    const first = line.entries.length === 1 ? Promise.resolve() : turn(entry, leave);
    const contended = (): void => {
      line.isContended = true;
      line.entries.forEach(tell);
    };
    return { first, contended, leave };
  }

  #leave(name: string, line: Line, entry: Entry): void {
    const at = line.entries.indexOf(entry);
    if (at < 0) return;
    line.entries.splice(at, 1);
    if (line.entries.length === 0) this.#lines.delete(name);
    else if (at === 0) line.entries[0]?.come();
  }
}

function tell(entry: Entry): void {
  if (entry.told) return;
  entry.told = true;
  entry.applicant.onContended();
}

function turn(entry: Entry, leave: () => void): Promise<void> {
  const { signal } = entry.applicant;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      leave();
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    entry.come = () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
  });
}
