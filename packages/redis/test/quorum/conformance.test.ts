import { createLocks } from '@holdfast/core';
import { describeConformance } from '@holdfast/core/conformance';
import type { Address } from '@holdfast/core/conformance';
import { afterAll, describe, test } from 'vitest';
import { portsUrl, startServers } from './servers.ts';

const servers = await startServers();
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
});

const places = servers.map(({ port }) => ({ host: '127.0.0.1', port }));
const url = (_via?: Address, vias: readonly Address[] = places): string => portsUrl(vias.map(({ port }) => port));

await describeConformance(
  {
    name: 'quorum of redis',
    open: (via, vias) => createLocks(url(via, vias)),
    peers: { kind: 'process', data: url },
    server: places,
  },
  { describe, test },
);
