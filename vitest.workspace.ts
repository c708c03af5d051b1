import { defineConfig } from 'vitest/config';
import type { ViteUserConfig } from 'vitest/config';
import projects from './tools/projects.json' with { type: 'json' };

/** One project per package; those with `servers` run only where these can be started. */
const config: ViteUserConfig = defineConfig({
  test: {
    projects: projects.map(({ name, root, include = ['test/**/*.test.ts'], exclude = [], servers = [] }) => ({
      root,
      test: {
        name,
        include,
        exclude,
        testTimeout: 30_000,
        hookTimeout: 30_000,
        globalSetup: servers.length > 0 ? ['../../tools/servers.ts'] : [],
      },
    })),
  },
});
export default config;
