import { ConfigError } from '@holdfast/core/adapter';
import type { QueueEntry, QueueState } from '@holdfast/core/adapter';
import { parseLine } from './record.ts';
import type { PartitionState } from './state.ts';

/** Version of the format of the log and of the meaning of its records. Processes of different versions do not mix. */
const VERSION = 1;

/** The first line of a generation: the state at the seal of the one before. */
export interface Snapshot {
  /** The boot of the kernel that runs all processes which may use this generation. */
  readonly boot: string;
  readonly state: PartitionState;
}

interface Header {
  readonly version: number;
  readonly boot: string;
  readonly token: string;
  readonly queues: readonly (readonly [name: string, queue: StoredQueue])[];
}

type StoredQueue = Omit<QueueState, 'token' | 'entries'> & {
  readonly token: string;
  readonly entries: readonly StoredEntry[];
};
/** JSON knows neither bigint nor Infinity. */
type StoredEntry = Omit<QueueEntry, 'token' | 'expiresAt'> & {
  readonly token: string | null;
  readonly expiresAt: number | null;
};

export function encodeSnapshot({ boot, state }: Snapshot): Buffer {
  const header: Header = {
    version: VERSION,
    boot,
    token: String(state.token),
    queues: [...state.queues].map(([name, queue]) => [name, storedQueue(queue)]),
  };
  return Buffer.from(`${JSON.stringify(header)}\n`);
}

/** `undefined` for a line that is no snapshot: what a power cut leaves of a file that was not yet on the disk. */
export function decodeSnapshot(line: string): Snapshot | undefined {
  const header = parseLine(line) as Partial<Header> | undefined;
  if (header?.version === undefined) return undefined;
  if (header.version !== VERSION) {
    throw new ConfigError(
      `These locks are kept in format ${header.version} and this version of @holdfast/file knows format ${VERSION} only: all processes that share a directory must use the same`,
    );
  }
  const { boot, token, queues } = header as Header;
  return {
    boot,
    state: { token: BigInt(token), queues: new Map(queues.map(([name, queue]) => [name, restoredQueue(queue)])) },
  };
}

function storedQueue(queue: QueueState): StoredQueue {
  const entries = queue.entries.map((entry) => ({
    ...entry,
    token: entry.token === undefined ? null : String(entry.token),
    expiresAt: entry.expiresAt === Infinity ? null : entry.expiresAt,
  }));
  return { time: queue.time, token: String(queue.token), entries };
}

function restoredQueue(queue: StoredQueue): QueueState {
  const entries = queue.entries.map((entry) => ({
    ...entry,
    token: entry.token === null ? undefined : BigInt(entry.token),
    expiresAt: entry.expiresAt ?? Infinity,
  }));
  return { time: queue.time, token: BigInt(queue.token), entries };
}
