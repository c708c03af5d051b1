import { createLocks } from '@holdfast/core';
import { describeConformance } from '@holdfast/core/conformance';
import { memorySpace } from '@holdfast/memory';
import { describe, test } from 'vitest';

const config = { backend: 'memory', options: { space: memorySpace() } };

await describeConformance(
  { name: 'memory', open: () => createLocks(config), peers: { kind: 'thread', data: () => config } },
  { describe, test },
);
