import type { Contender } from './contender.ts';

export const backendNames = [
  'memory',
  'file',
  'redis',
  'etcd',
  'zookeeper',
  'consul',
  'postgres',
  'mysql',
  'rabbitmq',
  'kafka',
] as const;

export type BackendName = (typeof backendNames)[number];

/** The first is what all others are ratios to. */
export async function contendersOf(backend: BackendName): Promise<readonly Contender[]> {
  const { contenders } = (await import(`./contenders/${backend}.js`)) as { contenders: readonly Contender[] };
  return contenders;
}
