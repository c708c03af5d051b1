import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startServer } from '@holdfast/testbed';
import type { ServerName } from '@holdfast/testbed';
import type { Contender } from './contender.ts';
import { etcdContenders } from './contenders/etcd.ts';
import { fileContenders } from './contenders/file.ts';
import { memoryContenders } from './contenders/memory.ts';
import { mysqlContenders } from './contenders/mysql.ts';
import { postgresContenders } from './contenders/postgres.ts';
import { redisContenders } from './contenders/redis.ts';

export const backendNames = ['memory', 'file', 'redis', 'etcd', 'postgres', 'mysql'] as const;

export type BackendName = (typeof backendNames)[number];

export const contendersOf: Readonly<Record<BackendName, readonly Contender[]>> = {
  memory: memoryContenders,
  file: fileContenders,
  redis: redisContenders,
  etcd: etcdContenders,
  postgres: postgresContenders,
  mysql: mysqlContenders,
};

/** Something to lock with, all for this run. */
export interface Place extends AsyncDisposable {
  readonly url: string;
  /** Product and version, for the report. */
  readonly version: string;
}

export async function openPlace(name: BackendName): Promise<Place> {
  if (name === 'memory')
    return {
      url: 'memory:bench',
      version: `Node.js ${process.version}`,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  if (name === 'file') {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
    return {
      url: pathToFileURL(directory).href,
      version: `Node.js ${process.version}`,
      [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
    };
  }
  const server = await startServer(name satisfies ServerName);
  return {
    url: server.url,
    version: `${name} ${server.version} (${server.source})`,
    [Symbol.asyncDispose]: () => server.stop(),
  };
}
