import { describeConformance } from '@holdfast/core/conformance';
import { memorySpace } from '@holdfast/memory';
import { describe, test } from 'vitest';
import { open } from './open.js';

const spaces = Array.from({ length: 5 }, () => memorySpace());

await describeConformance(
  {
    name: 'quorum of memory',
    open: () => open(spaces),
    peers: { kind: 'thread', module: new URL('open.js', import.meta.url).href, data: () => spaces },
  },
  { describe, test },
);
