import type { BackendName } from '../backends.ts';
import { consulCounter } from './consul.ts';
import type { Counter } from './counter.ts';
import { etcdCounter } from './etcd.ts';
import { mysqlCounter } from './mysql.ts';
import { postgresCounter } from './postgres.ts';
import { redisCounter } from './redis.ts';
import { zookeeperCounter } from './zookeeper.ts';

const counters: Partial<Record<BackendName, (url: string) => Counter>> = {
  redis: redisCounter,
  etcd: etcdCounter,
  zookeeper: zookeeperCounter,
  consul: consulCounter,
  postgres: postgresCounter,
  mysql: mysqlCounter,
};

/** `undefined`: there is no server, or it does not tell: RabbitMQ and Kafka do so only through what is not installed with them. */
export function counterFor(backend: BackendName, url: string): Counter | undefined {
  return counters[backend]?.(url);
}
