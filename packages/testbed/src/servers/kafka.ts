import { Kafka, logLevel } from 'kafkajs';
import type { Admin } from 'kafkajs';
import { images } from '../images.ts';
import type { Place, ServerKind, ServerOptions } from '../server.ts';
import { jarsOf } from '../sources/maven.ts';
import type { MavenProgram } from '../sources/maven.ts';
import { releaseOf } from './kafka-release.ts';

/** In ms, for the connection and for each answer. */
const TIMEOUT_MS = 2000;
const USER = 'holdfast';
const CONTROLLER_PORT = 9093;
const BROKER_PORT = 9094;

const VERSION = images['kafka']?.split(':')[1] ?? '';
const program: MavenProgram = {
  name: 'kafka',
  version: VERSION,
  artifacts: [`org.apache.kafka:kafka_2.13:${VERSION}`, 'org.slf4j:slf4j-simple:1.7.36'],
};

/** A broker that is a controller, too. */
export interface KafkaNode {
  readonly id: number;
  /** Of a loopback interface: where it listens for other nodes, on ports that are the same for all. */
  readonly address: string;
  /** The addresses of all nodes of the cluster, whose ids count from 1. */
  readonly cluster: readonly string[];
}

/**
 * `$1` is the directory, `$2` the configuration, `$3` the jars where there is no image that has them. The shell becomes the
 * broker. What the kernel has outlives a SIGKILL: Kafka, too, does no fsync by itself.
 */
const START = `
set -eu
umask 077
mkdir -p "$1"
printf '%s\\n' "$2" > "$1/server.properties"
if [ -f "$1/server.key" ]; then cat "$1/server.key" "$1/server.crt" > "$1/server.pem"; fi
if [ -d /opt/kafka/libs ]; then jars=/opt/kafka/libs; else jars=$3; fi
jvm="-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error"
if [ ! -f "$1/data/meta.properties" ]; then
  rm -rf "$1/data"
  java $jvm -cp "$jars/*" kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAQ -c "$1/server.properties"
fi
exec java -Xmx512m $jvm -cp "$jars/*" kafka.Kafka "$1/server.properties"
`;

/** One broker. Its `args` are lines of its configuration, such as `message.max.bytes=1000`. */
export const kafka: ServerKind = kafkaNode(({ host, port }) => {
  const address = host === '127.0.0.1' ? ownAddress(port) : '127.0.0.1';
  return { id: 1, address, cluster: [address] };
});

export function kafkaNode(nodeAt: (place: Place) => KafkaNode): ServerKind {
  return {
    name: 'kafka',
    environmentVariable: 'HOLDFAST_TEST_KAFKA_URL',
    image: 'kafka',
    containerPort: 9092,
    binary: 'sh',
    aptPackage: '',
    mavenProgram: program,
    containerUser: 'root',

    args: (place, options) => [
      ...['-c', START, 'kafka', place.dir],
      configuration(nodeAt(place), place, options),
      jarsOf(program),
    ],

    url(port, { password, tls }) {
      const user = password === undefined ? '' : `${USER}:${encodeURIComponent(password)}@`;
      return `kafka://${user}127.0.0.1:${port}${tls ? '?tls=true' : ''}`;
    },

    async probe(url, ca) {
      const { hostname, port, username, password, searchParams } = new URL(url.replace(/,[^/?#]*/, ''));
      const broker = { host: hostname, port: Number(port) || 9092 };
      const tls = searchParams.get('tls') === 'true' ? { ...(ca === undefined ? {} : { ca }) } : undefined;
      const version = await releaseOf(broker, tls);
      const login = { username: decodeURIComponent(username), password: decodeURIComponent(password) };
      const client = new Kafka({
        brokers: [`${broker.host}:${broker.port}`],
        connectionTimeout: TIMEOUT_MS,
        requestTimeout: TIMEOUT_MS,
        logLevel: logLevel.NOTHING,
        retry: { retries: 0 },
        ...(tls === undefined ? {} : { ssl: tls }),
        ...(username === '' ? {} : { sasl: { mechanism: 'plain', ...login } }),
      });
      await createsTopics(client.admin());
      return { version };
    },
  };
}

/** Rejects unless a topic could be created. */
async function createsTopics(admin: Admin): Promise<void> {
  const topics = [{ topic: 'holdfast-testbed-probe', replicationFactor: 1 }];
  try {
    await admin.connect();
    await admin.createTopics({ topics, validateOnly: true, waitForLeaders: false });
  } finally {
    await admin.disconnect();
  }
}

function configuration(node: KafkaNode, place: Place, { password, tls, args = [] }: ServerOptions): string {
  const { host, port, publishedPort, dir } = place;
  const { id, address, cluster } = node;
  const client = `${password === undefined ? '' : 'SASL_'}${tls ? 'SSL' : 'PLAINTEXT'}`;
  const replicas = Math.min(3, cluster.length);
  const settings: Record<string, string | number> = {
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': cluster.map((voter, i) => `${i + 1}@${voter}:${CONTROLLER_PORT}`).join(','),
    listeners: `CLIENT://${host}:${port},BROKER://${address}:${BROKER_PORT},CONTROLLER://${address}:${CONTROLLER_PORT}`,
    'advertised.listeners': `CLIENT://${host === '0.0.0.0' ? '127.0.0.1' : host}:${publishedPort},BROKER://${address}:${BROKER_PORT}`,
    'listener.security.protocol.map': `CLIENT:${client},BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'BROKER',
    'log.dirs': `${dir}/data`,
    'auto.create.topics.enable': 'false',
    'default.replication.factor': replicas,
    'min.insync.replicas': Math.ceil(replicas / 2),
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': Math.ceil(replicas / 2),
    'transaction.state.log.num.partitions': 1,
    // Until then a broker that was killed can't come back, and its partitions have no leader: not nine seconds.
    'broker.session.timeout.ms': 3000,
    'broker.heartbeat.interval.ms': 500,
    // It takes a quarter of the memory by default.
    'log.cleaner.dedupe.buffer.size': 4 * 1024 * 1024,
    ...(tls ? { 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': `${dir}/server.pem` } : {}),
    ...(password === undefined ? {} : login(password)),
  };
  return [...Object.entries(settings).map(([name, value]) => `${name}=${value}`), ...args].join('\n');
}

function login(password: string): Record<string, string> {
  const quoted = JSON.stringify(password);
  const module = `org.apache.kafka.common.security.plain.PlainLoginModule required user_${USER}=${quoted};`;
  return {
    'sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.client.plain.sasl.jaas.config': module.replaceAll('\\', '\\\\'),
  };
}

/** Linux has a loopback address for each of ours. Elsewhere there can be only one broker at a time. */
function ownAddress(port: number): string {
  return process.platform === 'linux' ? `127.${port >> 8}.${port & 255}.1` : '127.0.0.1';
}
