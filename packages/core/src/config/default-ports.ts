/** By URL scheme, with its colon. */
export const defaultPorts: Readonly<Record<string, number>> = {
  'redis:': 6379,
  'rediss:': 6379,
  'etcd:': 2379,
  'etcds:': 2379,
  'zookeeper:': 2181,
  'consul:': 8500,
  'consuls:': 8500,
  'postgres:': 5432,
  'postgresql:': 5432,
  'mysql:': 3306,
  'mariadb:': 3306,
  'amqp:': 5672,
  'amqps:': 5671,
  'kafka:': 9092,
};
