import { GRACE_MS } from './member.ts';
import type { Member } from './member.ts';

/**
 * One member's part in one request, ballot after ballot: each of its votes is answered, and given back if it was of no use, before the
 * next one is asked for. A member that hangs is asked once, and never finds an old vote of the same request in the way of a new one.
 */
export class Seat {
  readonly member: Member;
  #last: Promise<void> = Promise.resolve();
  #pending = 0;

  constructor(member: Member) {
    this.member = member;
  }

  /** Nothing is under way. */
  get isClear(): boolean {
    return this.#pending === 0;
  }

  /** When nothing is under way any more. */
  get clear(): Promise<void> {
    return this.#last;
  }

  /** Does `work`, which must not reject, after all that was added before. */
  add(work: () => Promise<void>): void {
    this.#pending += 1;
    this.#last = this.#last.then(work).then(() => {
      this.#pending -= 1;
    });
  }
}

/** Resolves when all seats are clear but those of slow members, as long as `enough` are; {@link GRACE_MS} later even if not. */
export function mostlyClear(seats: readonly Seat[], enough: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GRACE_MS);
    timer.unref();
    const look = (): void => {
      const busy = seats.filter((seat) => !seat.isClear);
      if (seats.length - busy.length < enough || busy.some(({ member }) => !member.isSlow)) return;
      clearTimeout(timer);
      resolve();
    };
    for (const seat of seats) if (!seat.isClear) void seat.clear.then(look);
    look();
  });
}
