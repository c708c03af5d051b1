import type { LockRequest, RequestMode } from '@holdfast/core/adapter';

/**
 * A request in its queue: an ephemeral node `<kind>-<owner>-<session>-<sequence>`.
 *
 * The owner is unique per request and the session is the one that the node lives in: after a lost answer to a create, a node
 * with both is the one that was asked for, and one of an earlier session, about to go with it, is never taken for
 * it (CURATOR-498).
 */
export interface QueueNode {
  /** With the sequence. */
  readonly name: string;
  readonly mode: RequestMode;
  readonly permits?: number | undefined;
  /** Entered ahead of all waiters. Its mode is exclusive. */
  readonly steal: boolean;
  /** That the node lives in, as in the name. */
  readonly session: string;
  readonly sequence: number;
}

const PATTERN = /^(x|s|t|p([1-9]\d*))-.+-([0-9a-f]{16})-(-?\d{9,10})$/;

/** All of the name but the sequence, which the server appends. */
export function namePrefix({ mode, permits, steal, owner }: LockRequest, session: string): string {
  return `${kindOf(mode, permits, steal)}-${encodeURIComponent(owner)}-${session}-`;
}

function kindOf(mode: RequestMode, permits: number | undefined, steal: boolean): string {
  switch (mode) {
    case 'exclusive':
      return steal ? 't' : 'x';
    case 'shared':
      return 's';
    case 'semaphore':
      return `p${permits ?? 1}`;
  }
}

/** `undefined`: not one of ours. */
export function parseNode(name: string): QueueNode | undefined {
  const match = PATTERN.exec(name);
  if (match === null) return undefined;
  const [, kind = '', permits, session = '', sequence] = match;
  const common = { name, steal: kind === 't', session, sequence: Number(sequence) };
  if (permits !== undefined) return { ...common, mode: 'semaphore', permits: Number(permits) };
  return { ...common, mode: kind === 's' ? 'shared' : 'exclusive' };
}

const LAST_SEQUENCE = 2 ** 31 - 1;

/**
 * The server numbers the children that a node ever had with 32 bits and a sign. At 2^31 − 1 it goes no further: it gives that
 * number again and again (seen on 3.8), or a negative one. From then on the number says nothing about the order.
 */
export function isExhausted({ sequence }: QueueNode): boolean {
  return sequence < 0 || sequence >= LAST_SEQUENCE;
}
