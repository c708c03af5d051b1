import { describeConformance } from '@holdfast/core/conformance';
import { afterAll, describe, test } from 'vitest';
import { compilePeer, startReference } from './reference/subject.ts';

const peer = await compilePeer();
const reference = await startReference('the reference backend', peer.module);
afterAll(async () => {
  await reference[Symbol.asyncDispose]();
  await peer.remove();
});

await describeConformance(reference.subject, { describe, test });
