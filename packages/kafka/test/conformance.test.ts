import { describeConformance, urlSubject } from '@holdfast/core/conformance';
import { sharedServer } from '@holdfast/testbed';
import { describe, test } from 'vitest';
import { straight } from './broker.ts';

const { url } = await sharedServer('kafka');

// Through the fault proxy, instead of past it to the address that the broker advertises.
await describeConformance(urlSubject(straight(url)), { describe, test });
