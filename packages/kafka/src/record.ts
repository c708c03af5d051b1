import type { ClientInfo, RequestMode } from '@holdfast/core/adapter';
import type { CheckpointPart } from './checkpoint.ts';
import { asRecord, versionOf } from './record-schema.ts';

/** What a client asks of a partition. */
export type Operation =
  | {
      readonly type: 'request';
      readonly name: string;
      readonly owner: string;
      readonly mode: RequestMode;
      readonly permits?: number | undefined;
      readonly ttlMs: number;
      readonly client: ClientInfo;
      readonly wait: boolean;
      readonly steal: boolean;
    }
  /** Proof of life of many holders at once. */
  | { readonly type: 'renew'; readonly owners: readonly string[] }
  | { readonly type: 'leave'; readonly owner: string }
  /** Time has passed for the queues of `names`. */
  | { readonly type: 'tick'; readonly names: readonly string[] }
  | ({ readonly type: 'checkpoint' } & CheckpointPart);

/** The value of a record, as JSON. */
export type LockRecord = Operation & {
  readonly version: number;
  /** Of the writer: by session and number it knows its own records again. */
  readonly session: string;
  readonly number: number;
  /** How many partitions the writer spreads names over. */
  readonly partitions: number;
};

export const VERSION = 1;

export function encode(record: LockRecord): Buffer {
  return Buffer.from(JSON.stringify(record));
}

/** `undefined` for what is none of ours: everybody ignores it, because everybody reads the same bytes. */
export function decode(value: Buffer | null): LockRecord | undefined {
  const parsed = value === null ? undefined : parse(value.toString());
  const version = versionOf(parsed);
  if (version === undefined) return undefined;
  // A later version may mean by a record what this one can't know, so it must not fold on as if it had understood.
  if (version > VERSION) throw new NewerVersionError(version);
  return asRecord(parsed);
}

export class NewerVersionError extends Error {
  override readonly name = 'NewerVersionError';

  constructor(version: number) {
    super(`The topic has records of version ${version}, and this release of @holdfast/kafka knows version ${VERSION}`);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
