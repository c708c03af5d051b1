import type { ServerKind } from '../server.ts';
import { consul } from './consul.ts';
import { etcd } from './etcd.ts';
import { kafka } from './kafka.ts';
import { mysqlCommunity } from './mysql-community.ts';
import { mysql } from './mysql.ts';
import { postgres } from './postgres.ts';
import { rabbitmq } from './rabbitmq.ts';
import { rabbitmq4 } from './rabbitmq4.ts';
import { redis } from './redis.ts';
import { valkey } from './valkey.ts';
import { zookeeper } from './zookeeper.ts';

export type ServerName =
  | 'consul'
  | 'etcd'
  | 'kafka'
  | 'mysql'
  | 'mysql-community'
  | 'postgres'
  | 'rabbitmq'
  | 'rabbitmq4'
  | 'redis'
  | 'valkey'
  | 'zookeeper';

/** Every server that the testbed can start. */
export const kinds: Readonly<Record<ServerName, ServerKind>> = {
  consul,
  etcd,
  kafka,
  mysql,
  'mysql-community': mysqlCommunity,
  postgres,
  rabbitmq,
  rabbitmq4,
  redis,
  valkey,
  zookeeper,
};

export const serverNames: readonly ServerName[] = Object.keys(kinds) as ServerName[];
