import type { Session } from '../session.ts';

/** What one draw brings: consecutive tokens, of which the last is what the name's row says from then on. */
export interface Drawn {
  /** The one to hold with. */
  readonly token: bigint;
  readonly last: bigint;
}

/** After so many holds the next try, doubled each time that the tokens turn out to be of no use. */
const FEWEST_SKIPPED = 16;
const MOST_SKIPPED = 1024;

/**
 * The tokens that a connection drew and has not used: good for its next holds of that name for as long as the name's row says that nobody
 * drew since. They belong to the connection, on which one hold follows the other, so that they are given out in the order of the grants; and
 * they end with it, so that no server sees them that could have forgotten them.
 *
 * Where others take the name in between they are never good, and to find that out costs two round trips: then they are left alone for a while.
 */
export class Reserve {
  static readonly #of = new WeakMap<Session, Reserve>();

  #name = '';
  #drawn: Drawn | undefined;
  #skipped = 0;
  #toSkip = 0;

  static of(session: Session): Reserve {
    const known = Reserve.#of.get(session);
    if (known !== undefined) return known;
    const reserve = new Reserve();
    Reserve.#of.set(session, reserve);
    return reserve;
  }

  /** What the next hold of `name` may be tried with, if there is any. */
  peek(name: string): Drawn | undefined {
    if (this.#drawn === undefined || this.#name !== name) return undefined;
    if (this.#toSkip === 0) return this.#drawn;
    this.#toSkip -= 1;
    return undefined;
  }

  /** A hold has `drawn.token`, and `drawn.last` is the last of the name. What else was kept of it no longer is. */
  used(name: string, drawn: Drawn): void {
    if (drawn === this.#drawn) this.#skipped = 0;
    const { token, last } = drawn;
    this.#name = name;
    this.#drawn = token < last ? { token: token + 1n, last } : undefined;
  }

  /** Somebody drew after `drawn`. If it was kept, that may happen again. */
  stale(drawn: Drawn): void {
    if (drawn !== this.#drawn) return;
    this.#drawn = undefined;
    this.#skipped = Math.min(Math.max(this.#skipped * 2, FEWEST_SKIPPED), MOST_SKIPPED);
    this.#toSkip = this.#skipped;
  }
}
