/**
 * The operations of ZooKeeper that locks need, as its wire protocol has them (zookeeper.jute of Apache ZooKeeper 3.5 and
 * later): what to send, and how to read the answer.
 */
import type { JuteReader, JuteWriter } from './jute.ts';
import { readStat } from './stat.ts';
import type { Stat } from './stat.ts';

export interface Operation<T> {
  readonly type: number;
  /** The leader takes part: a write, or `sync`. */
  readonly isLed: boolean;
  /** For messages. */
  readonly path: string;
  write(writer: JuteWriter): void;
  read(reader: JuteReader): T;
}

export interface Acl {
  readonly permissions: number;
  readonly scheme: string;
  readonly id: string;
}

const ALL = 31;
/** Anybody may do anything. */
export const OPEN_ACL: readonly Acl[] = [{ permissions: ALL, scheme: 'world', id: 'anyone' }];
/** Only who authenticated as the creator did. */
export const CREATOR_ACL: readonly Acl[] = [{ permissions: ALL, scheme: 'auth', id: '' }];

export interface Created {
  /** With the sequence number that the server appended. */
  readonly path: string;
  readonly stat: Stat;
}

const FLAGS = { persistent: 0, ephemeralSequential: 3, container: 4 } as const;
const CREATE_TYPES = { persistent: 15, ephemeralSequential: 15, container: 19 } as const;

export function create(
  path: string,
  data: Buffer,
  acl: readonly Acl[],
  kind: 'persistent' | 'ephemeralSequential' | 'container',
): Operation<Created> {
  return {
    type: CREATE_TYPES[kind],
    isLed: true,
    path,
    write: (writer) => writeCreate(writer, { path, data, acl, flags: FLAGS[kind] }),
    read: (reader) => ({ path: reader.string(), stat: readStat(reader) }),
  };
}

/** In a transaction of several, where the server leaves out the stat (seen on 3.8). Answers with the path only. */
export function createEphemeral(path: string, data: Buffer, acl: readonly Acl[]): Operation<string> {
  return {
    type: 1,
    isLed: true,
    path,
    write: (writer) => writeCreate(writer, { path, data, acl, flags: FLAGS.ephemeralSequential }),
    read: (reader) => reader.string(),
  };
}

function writeCreate(
  writer: JuteWriter,
  { path, data, acl, flags }: { path: string; data: Buffer; acl: readonly Acl[]; flags: number },
): void {
  writer.string(path).buffer(data);
  writer.vector(acl, ({ permissions, scheme, id }) => writer.int(permissions).string(scheme).string(id));
  writer.int(flags);
}

/** Whatever the version of its data. */
export function remove(path: string): Operation<void> {
  return { type: 2, isLed: true, path, write: (writer) => void writer.string(path).int(-1), read: () => undefined };
}

export interface NodeData {
  readonly data: Buffer;
  readonly stat: Stat;
}

/** With `watch`, one event follows when the data change or the node goes; none if the answer is NONODE. */
export function getData(path: string, watch: boolean): Operation<NodeData> {
  return {
    type: 4,
    isLed: false,
    path,
    write: (writer) => void writer.string(path).bool(watch),
    read: (reader) => ({ data: Buffer.from(reader.buffer()), stat: readStat(reader) }),
  };
}

/** Answers BADVERSION if the data are of another `version` (of {@link Stat}); whatever that is, without it. */
export function setData(path: string, data: Buffer, version = -1): Operation<Stat> {
  return {
    type: 5,
    isLed: true,
    path,
    write: (writer) => void writer.string(path).buffer(data).int(version),
    read: readStat,
  };
}

export interface Children {
  readonly names: readonly string[];
  /** Of the parent. */
  readonly stat: Stat;
}

/** With `watch`, one event follows when a child comes or goes. */
export function getChildren(path: string, watch: boolean): Operation<Children> {
  return {
    type: 12,
    isLed: false,
    path,
    write: (writer) => void writer.string(path).bool(watch),
    read: (reader) => ({ names: reader.vector(() => reader.string()), stat: readStat(reader) }),
  };
}

/** Answered by the leader, through the server that the client is connected to. */
export function sync(path: string): Operation<void> {
  return { type: 9, isLed: true, path, write: (writer) => void writer.string(path), read: () => undefined };
}

export function closeSession(): Operation<void> {
  return { type: -11, isLed: true, path: '', write: () => undefined, read: () => undefined };
}
