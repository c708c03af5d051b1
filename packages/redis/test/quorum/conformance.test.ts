import { describeConformance, urlSubject } from '@holdfast/core/conformance';
import { afterAll, describe, test } from 'vitest';
import { quorumUrl, startServers } from './servers.ts';

const servers = await startServers();
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
});

await describeConformance(urlSubject(quorumUrl(servers.map(({ url }) => url))), { describe, test });
