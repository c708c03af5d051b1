/** What a peer of the suite imports, compiled: `open` of a `PeerSource`. */
import { Locks } from '@holdfast/core';
import { ReferenceBackend } from './backend.ts';
import type { Habits } from './habits.ts';

export interface PeerData {
  readonly address: { host: string; port: number };
  readonly habits: Partial<Habits>;
}

export function open(data: unknown): Promise<Locks> {
  const { address, habits } = data as PeerData;
  return Promise.resolve(new Locks(new ReferenceBackend(address, habits)));
}
