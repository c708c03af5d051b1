import { startShared } from '@holdfast/testbed';
import type { ServerName } from '@holdfast/testbed';
import type { TestProject } from 'vitest/node';
import projects from './projects.json' with { type: 'json' };

/** For a bare `npx vitest`: `npm test` has started the servers before, and then this has nothing to do. */
export default async function startServers(project: TestProject): Promise<() => Promise<void>> {
  const { servers = [] } = projects.find(({ name }) => name === project.name) ?? {};
  const shared = await startShared(servers as ServerName[]);
  if (shared.unavailable[0] !== undefined) throw shared.unavailable[0];
  return () => shared.stop();
}
