import { startServer } from '@holdfast/testbed';
import type { RunningServer } from '@holdfast/testbed';
import { onTestFinished } from 'vitest';

/** Independent servers: none knows of another. */
export async function startServers(size = 5): Promise<RunningServer[]> {
  return await Promise.all(Array.from({ length: size }, () => startServer('redis')));
}

/** The same, for one test. */
export async function ownServers(size = 5): Promise<RunningServer[]> {
  const servers = await startServers(size);
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });
  return servers;
}

/** As a quorum whose members may vote at once, but for `query`. */
export function quorumUrl(urls: readonly string[], query = 'quarantine=0'): string {
  return `quorum:${urls.map((url) => `${url}?${query}`).join(',')}`;
}

export function portsUrl(ports: readonly number[], query?: string): string {
  return quorumUrl(
    ports.map((port) => `redis://127.0.0.1:${port}`),
    query,
  );
}
