import { describeConformance, urlSubject } from '@holdfast/core/conformance';
import { sharedServer } from '@holdfast/testbed';
import { describe, test } from 'vitest';

const { url } = await sharedServer('valkey');

await describeConformance(urlSubject(url), { describe, test });
