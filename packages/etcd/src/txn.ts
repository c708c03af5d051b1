/**
 * The part of etcd's transactions that we use, named as in its `rpc.proto`. A {@link Txn} is an etcd3 `ITxnRequest`, and an etcd3
 * `ITxnResponse` is an {@link Answer}: so a transaction can go through etcd3 as well as through {@link DirectClient}, which is why
 * nothing can be in one that `txn-codec.ts` does not know. Revisions and leases are 64-bit integers in decimal.
 */

export interface Condition {
  readonly key: Buffer;
  /** All keys from `key` to the one before this; default: only `key`. */
  readonly range_end?: Buffer;
  readonly target: 'Create' | 'Mod';
  readonly result: 'Equal' | 'Greater' | 'Less';
  readonly create_revision?: string;
  readonly mod_revision?: string;
}

export interface RangeOptions {
  readonly key: Buffer;
  readonly range_end?: Buffer;
  /** The server sorts all before it cuts. */
  readonly limit?: number;
  readonly sort_order?: 'Descend';
  readonly sort_target?: 'Create';
  readonly keys_only?: true;
  readonly count_only?: true;
}

export interface PutOptions {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly lease?: string;
  /** Keeps the lease that the key has. */
  readonly ignore_lease?: true;
}

export type Operation =
  | { readonly request_range: RangeOptions }
  | { readonly request_put: PutOptions }
  | { readonly request_delete_range: { readonly key: Buffer } };

export interface Txn {
  compare?: Condition[];
  success?: Operation[];
  failure?: Operation[];
}

export interface KeyValue {
  readonly key: Buffer;
  readonly create_revision: string;
  readonly mod_revision: string;
  readonly value: Buffer;
  readonly lease: string;
}

export interface RangeAnswer {
  readonly kvs: readonly KeyValue[];
  readonly count: string;
}

export interface OperationAnswer {
  readonly response_range?: RangeAnswer;
  readonly response_delete_range?: { readonly deleted: string };
}

export interface Answer {
  readonly header: { readonly revision: string };
  readonly succeeded: boolean;
  readonly responses: readonly OperationAnswer[];
}

export function rangeOf(answer: OperationAnswer | undefined): RangeAnswer {
  if (answer?.response_range !== undefined) return answer.response_range;
  throw new Error('The server answered a transaction without what it was to read');
}
