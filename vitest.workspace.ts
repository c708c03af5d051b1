import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import type { ViteUserConfig } from 'vitest/config';
import projects from './tools/projects.json' with { type: 'json' };

/**
 * Most files sleep most of the time, until a ttl is over: two at once also where there are two cores. Not more: some have a busy
 * process and a busy server for a while, and a session that ends because a third one is busy too would look like a defect.
 */
const WORKERS = Math.max(2, availableParallelism() - 1);

const startServers = fileURLToPath(new URL('tools/servers.ts', import.meta.url));

/**
 * One project per package; those with `servers` run only where these can be started. Those to run `alone` start dozens of
 * processes: they come after all others, one at a time, so that nobody measures time beside them.
 */
const config: ViteUserConfig = defineConfig({
  test: {
    projects: projects.map(({ name, root, include = ['test/**/*.test.ts'], servers = [], alone = false }) => ({
      root,
      test: {
        name,
        include,
        testTimeout: 60_000,
        hookTimeout: 60_000,
        globalSetup: servers.length > 0 ? [startServers] : [],
        sequence: { groupOrder: alone ? 1 : 0 },
        maxWorkers: alone ? 1 : WORKERS,
      },
    })),
  },
});
export default config;
