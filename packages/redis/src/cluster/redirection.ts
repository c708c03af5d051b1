import { errorCode, isReply } from '../errors.ts';
import { announced, partsOf } from './address.ts';
import type { Address } from './address.ts';

export interface Redirection {
  /** `ASK`: this once, because the slot is on its way there. */
  readonly kind: 'MOVED' | 'ASK';
  readonly to: Address;
}

/**
 * `MOVED 3999 10.0.0.1:6381`, `ASK 3999 :6381`, answered by the node at `by`.
 * Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#redirection-and-resharding
 */
export function redirectionOf(error: unknown, by: Address): Redirection | undefined {
  const kind = errorCode(error);
  if (!isReply(error) || (kind !== 'MOVED' && kind !== 'ASK')) return undefined;
  const [, , address = ''] = error.message.split(' ');
  const { host, port } = partsOf(address);
  return { kind, to: announced(host, port, by) };
}

const passing = new Set(['TRYAGAIN', 'CLUSTERDOWN']);

/** Whether the cluster may serve the same in a moment: some of the keys are on their way, or a master is being replaced. */
export function isPassing(error: unknown): boolean {
  return isReply(error) && passing.has(errorCode(error));
}
