/**
 * What stands in for each image of packages/testbed/images.json: packages of a release of Debian, or a server that the testbed
 * fetches, with the files of rootfs/<name> over them. Programs start as in the image: same commands, users and variables.
 */
import { images } from '../../packages/testbed/dist/images.js';
import { kinds } from '../../packages/testbed/dist/servers/index.js';
import { goBuild } from '../../packages/testbed/dist/sources/go-build.js';
import { fetchJars, jarsOf } from '../../packages/testbed/dist/sources/maven.js';

/** Of a stand-in's image: tells it from an official one. Its value tells what the stand-in was built from. */
export const LABEL = 'dev.holdfast.stand-in';

const JRE = 'openjdk-21-jre-headless';
const JRE_HOME = '/usr/lib/jvm/java-21-openjdk-amd64';
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin';
const ENTRYPOINT = 'ENTRYPOINT ["docker-entrypoint.sh"]';

const path = (...directories) => `ENV PATH=${[...directories, SYSTEM_PATH].join(':')}`;
const command = (...words) => `CMD ${JSON.stringify(words)}`;

/** The same release of ZooKeeper as the image, with what its server needs and its manifest calls optional. */
const ZOOKEEPER_VERSION = images.zookeeper.split(':')[1];
const zookeeper = {
  name: 'zookeeper',
  version: ZOOKEEPER_VERSION,
  artifacts: [
    `org.apache.zookeeper:zookeeper:${ZOOKEEPER_VERSION}`,
    'io.dropwizard.metrics:metrics-core:4.1.12.1',
    'org.xerial.snappy:snappy-java:1.1.10.5',
  ],
};

/**
 * `packages` of the release `suite`, less what `without` names (for what no lock needs); `copies` from this machine, as
 * `[source, target]`; `user` of the server; `directories` that the user may write to; `config` as in a Dockerfile.
 */
export const standIns = {
  consul: {
    packages: [],
    user: 'consul',
    directories: ['consul/data', 'consul/config'],
    copies: async () => [[await goBuild(kinds.consul.goProgram), 'usr/local/bin/consul']],
    config: [path(), ENTRYPOINT, command('agent', '-dev', '-client', '0.0.0.0'), 'EXPOSE 8500'],
  },
  etcd: {
    packages: ['etcd-server', 'etcd-client'],
    config: [path(), command('etcd'), 'EXPOSE 2379'],
  },
  kafka: {
    packages: [JRE],
    user: 'appuser',
    copies: () => jars(kinds.kafka.mavenProgram, 'opt/kafka/libs'),
    config: [path(`${JRE_HOME}/bin`), 'USER appuser', command('/etc/kafka/docker/run'), 'EXPOSE 9092'],
  },
  mysql: {
    packages: ['mariadb-server-core', 'mariadb-client-core'],
    user: 'mysql',
    config: [path(), ENTRYPOINT, command('mariadbd'), 'VOLUME /var/lib/mysql', 'EXPOSE 3306'],
  },
  'mysql-community': {
    // This release changes from day to day. Who does not ask for the image by its name can do without.
    suite: 'sid',
    optional: true,
    packages: ['mysql-server-core', 'mysql-client-core'],
    user: 'mysql',
    config: [path(), ENTRYPOINT, command('mysqld'), 'VOLUME /var/lib/mysql', 'EXPOSE 3306'],
  },
  pgbouncer: {
    packages: ['pgbouncer', 'postgresql-client-17'],
    user: 'postgres',
    directories: ['etc/pgbouncer'],
    config: [
      path('/usr/lib/postgresql/17/bin'),
      'USER postgres',
      ENTRYPOINT,
      command('pgbouncer', '/etc/pgbouncer/pgbouncer.ini'),
      'EXPOSE 5432',
    ],
  },
  postgres: {
    packages: ['postgresql-17'],
    // The compiler of long queries, which the server does without where it is missing.
    without: ['libllvm19', 'libz3-4'],
    user: 'postgres',
    config: [
      path('/usr/lib/postgresql/17/bin'),
      'ENV PGDATA=/var/lib/postgresql/data',
      ENTRYPOINT,
      command('postgres'),
      'VOLUME /var/lib/postgresql/data',
      'EXPOSE 5432',
    ],
  },
  rabbitmq: {
    packages: ['rabbitmq-server'],
    user: 'rabbitmq',
    config: [
      path('/usr/lib/rabbitmq/bin'),
      'ENV HOME=/var/lib/rabbitmq LANG=C.UTF-8 RABBITMQ_LOGS=-',
      ENTRYPOINT,
      command('rabbitmq-server'),
      'VOLUME /var/lib/rabbitmq',
      'EXPOSE 5672',
    ],
  },
  redis: {
    packages: ['redis-server', 'redis-tools'],
    user: 'redis',
    directories: ['data'],
    config: [path(), ENTRYPOINT, command('redis-server'), 'WORKDIR /data', 'VOLUME /data', 'EXPOSE 6379'],
  },
  valkey: {
    packages: ['valkey-server', 'valkey-tools'],
    user: 'valkey',
    directories: ['data'],
    config: [path(), ENTRYPOINT, command('valkey-server'), 'WORKDIR /data', 'VOLUME /data', 'EXPOSE 6379'],
  },
  zookeeper: {
    packages: [JRE],
    user: 'zookeeper',
    directories: ['data', 'datalog', 'conf'],
    copies: () => jars(zookeeper, 'opt/zookeeper/lib'),
    config: [
      path('/opt/zookeeper/bin', `${JRE_HOME}/bin`),
      ENTRYPOINT,
      command('zkServer.sh', 'start-foreground'),
      'VOLUME /data',
      'VOLUME /datalog',
      'EXPOSE 2181',
    ],
  },
};

async function jars(program, target) {
  await fetchJars(program);
  return [[`${jarsOf(program)}/.`, target]];
}
