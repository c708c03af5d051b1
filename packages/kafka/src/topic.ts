import type { Broker, ConfigEntry, Metadata } from './driver.ts';
import { errorType, unfit } from './errors.ts';

export interface TopicOptions {
  readonly topic: string;
  readonly partitions: number;
  /** `undefined`: three, or as many as there are brokers. */
  readonly replication: number | undefined;
}

const DAY_MS = 86_400_000;
/** Of the requests, or parts of a checkpoint, that go together, with room for what the protocol adds; in bytes. */
const LARGEST_BATCH = 600_000;
/** `ConfigResourceTypes.TOPIC` */
const TOPIC_RESOURCE = 2;

/**
 * What the topic is created with, whatever the brokers' own defaults are. No live lock is lost by deletion: a hold is renewed, and with that its partition's state written
 * anew, long before a record of it is so old; see {@link longestTtl}. Compaction would keep the last record of a key, and locks
 * need them all. Brokers may compress what they are given, by methods that kafkajs can't read.
 */
const settings: Readonly<Record<string, string>> = {
  'cleanup.policy': 'delete',
  'message.timestamp.type': 'LogAppendTime',
  'compression.type': 'uncompressed',
  'max.message.bytes': '1048588',
  'retention.ms': String(7 * DAY_MS),
  'retention.bytes': '-1',
  'segment.ms': String(DAY_MS),
  'segment.bytes': String(16 * 1024 * 1024),
  'unclean.leader.election.enable': 'false',
};

/** Settings that locks can't live with, of those that a topic may have. */
const unfitFor: Readonly<Record<string, (value: string) => boolean>> = {
  'cleanup.policy': (value) => value !== 'delete',
  'message.timestamp.type': (value) => value !== 'LogAppendTime',
  'compression.type': (value) => !['uncompressed', 'producer', 'gzip'].includes(value),
  'max.message.bytes': (value) => Number(value) < LARGEST_BATCH,
};

/** Of the retention. Within the rest, holders and their partition's checkpoint are written anew several times. */
const TTL_FRACTION = 1 / 4;

export interface TopicSettings {
  /** The longest that a hold may go without renewal, in ms. */
  readonly longestTtl: number;
  readonly entries: ReadonlyMap<string, string>;
}

/** By any number of clients at once: the first one creates it. */
export async function createTopic(broker: Broker, options: TopicOptions, brokers: number): Promise<void> {
  const replication = options.replication ?? Math.min(3, brokers);
  const all = { ...settings, 'min.insync.replicas': String(replication > 2 ? 2 : 1) };
  const configEntries = Object.entries(all).map(([name, value]) => ({ name, value }));
  const topic = {
    topic: options.topic,
    numPartitions: options.partitions,
    replicationFactor: replication,
    configEntries,
  };
  try {
    await broker.createTopics({ topics: [topic], timeout: 5000 });
  } catch (error) {
    const type = errorType(error);
    if (type === 'TOPIC_ALREADY_EXISTS') return;
    if (type === undefined || type === 'NOT_CONTROLLER' || type === 'REQUEST_TIMED_OUT') throw error;
    throw unfit(`The topic ${options.topic} does not exist, and the broker does not let it be created: ${type}.`, [
      `kafka-topics.sh --create --topic ${options.topic} --partitions ${options.partitions} --replication-factor ${replication} ` +
        configEntries.map(({ name, value }) => `--config ${name}=${value}`).join(' '),
    ]);
  }
}

/** Throws `ConfigError` if names would be spread otherwise than by everybody else. */
export function checkPartitions(metadata: Metadata, { topic, partitions }: TopicOptions): void {
  const count = metadata.topicMetadata.find((candidate) => candidate.topic === topic)?.partitionMetadata.length ?? 0;
  if (count === partitions) return;
  throw unfit(
    `The topic ${topic} has ${count} partitions, and \`partitions\` is ${partitions}: every client must spread names over the same number, from the first lock on.`,
  );
}

/** The log of a partition is of clients that spread names over `theirs` partitions. */
export function unfitPartitions({ topic, partitions }: TopicOptions, theirs: number): Error {
  return unfit(
    `The topic ${topic} has locks whose names are spread over ${theirs} partitions, and \`partitions\` is ${partitions}.`,
  );
}

/** Throws `ConfigError` if the topic's records would not carry the broker's time, or would not stay. */
export async function readSettings(broker: Broker, topic: string): Promise<TopicSettings> {
  let entries: readonly ConfigEntry[] = [];
  try {
    const { resources } = await broker.describeConfigs({ resources: [{ type: TOPIC_RESOURCE, name: topic }] });
    entries = resources[0]?.configEntries ?? [];
  } catch (error) {
    // Then the first append tells whether times are the broker's.
    if (errorType(error) !== 'TOPIC_AUTHORIZATION_FAILED') throw error;
  }
  const map = new Map(entries.map(({ configName, configValue }) => [configName, configValue ?? '']));
  const wrong = Object.keys(unfitFor).filter(
    (name) => unfitFor[name]?.(map.get(name) ?? settings[name] ?? '') === true,
  );
  if (wrong.length > 0) throw unfitSettings(topic, wrong, map);
  const retention = Number(map.get('retention.ms') ?? settings['retention.ms']);
  return { longestTtl: retention < 0 ? Infinity : retention * TTL_FRACTION, entries: map };
}

export function unfitSettings(topic: string, names: readonly string[], map?: ReadonlyMap<string, string>): Error {
  const given = names.map((name) => `${name}=${map?.get(name) ?? 'something else'}`).join(', ');
  const wanted = names.map((name) => `${name}=${settings[name]}`).join(',');
  return unfit(`The topic ${topic} has ${given}, which locks can't live with; they need ${wanted}.`, [
    `kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config ${wanted}`,
  ]);
}
