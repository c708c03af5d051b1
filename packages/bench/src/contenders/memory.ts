import type { Contender } from '../contender.ts';
import { holdfast } from './holdfast.ts';
import { memoryPeers } from './memory-peers.ts';

/** A promise that is resolved, awaited twice. */
const raw: Contender = {
  name: 'two awaits',
  role: 'raw',
  open: () =>
    Promise.resolve({
      async acquire() {
        await Promise.resolve();
        return () => Promise.resolve();
      },
      close: () => Promise.resolve(),
    }),
};

export const contenders: readonly Contender[] = [raw, holdfast, ...memoryPeers];
