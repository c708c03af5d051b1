import { describeConformance, urlSubject } from '@holdfast/core/conformance';
import { startRedisCluster } from '@holdfast/testbed';
import { afterAll, describe, test } from 'vitest';

const cluster = await startRedisCluster();
afterAll(() => cluster[Symbol.asyncDispose]());

await describeConformance(urlSubject(cluster.url), { describe, test });
