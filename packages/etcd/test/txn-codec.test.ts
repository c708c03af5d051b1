import { randomBytes } from 'node:crypto';
import { Etcd3 } from 'etcd3';
import { beforeAll, expect, test } from 'vitest';
import { claim, enter, follow, handOver, list, noneSince, remove } from '../src/requests.ts';
import { decodeAnswer, encodeTxn } from '../src/txn-codec.ts';
import type { Txn } from '../src/txn.ts';

interface Codec {
  requestSerialize(request: Txn): Buffer;
  responseSerialize(response: object): Buffer;
}

/** How etcd3 does it, with the definitions of etcd itself. Connects to nothing. */
class Reference extends Etcd3 {
  get codec(): Promise<Codec> {
    return this.pool.withConnection('KV', ({ client }) => (client as unknown as { txn: Codec }).txn);
  }
}

let reference: Codec;
beforeAll(async () => {
  const client = new Reference();
  reference = await client.codec;
  client.close();
});

/** Around all lengths of a varint, and where a JavaScript number ends to be exact. */
const integers = [0n, 1n, 2n ** 62n + 12_345n, 2n ** 63n - 1n].concat(
  ...[7n, 14n, 21n, 28n, 32n, 35n, 49n, 53n, 56n].map((bits) => [2n ** bits - 1n, 2n ** bits, 2n ** bits + 1n]),
);

const lengths = [0, 1, 127, 128, 129, 900, 1500, 20_000];

test.each(integers.slice(1))('a transaction with the revision and lease %s is what etcd3 makes of it', (integer) => {
  const lease = `${integer}`;
  const session = { id: lease, key: 'session/1', isKnown: false };
  const place = { key: 'q/a.x', queue: 'q/', created: integer, mode: 'exclusive', thief: false, lease } as const;
  const own = { ...place, modified: integer, value: Buffer.alloc(0) };
  const compare = [noneSince('q/', integer)];
  const entering = {
    key: 'q/a.x',
    queue: 'q/',
    value: Buffer.from('v'),
    compare,
    success: [],
    enters: true,
    exclusive: true,
  };
  const doubtful = { key: 'q/a.x', created: integer, doubtful: true };
  const all: Txn[] = [
    enter(session, entering),
    claim(own, Buffer.from('v'), false),
    claim(own, Buffer.from('v'), true),
    remove(doubtful, session),
    remove({ ...doubtful, pointer: 'session/1/next/a.x' }, session),
    follow(own, own, { key: 'session/1/next/a.x', value: Buffer.from('v') }),
    handOver({ ...place, pointer: 'session/1/next/a.x', next: own, value: Buffer.from('v') }),
    enter(session, { ...entering, exclusive: false }),
    { success: [{ request_range: list('q/') }, { request_range: { key: Buffer.from('k'), count_only: true } }] },
    { compare: [{ key: Buffer.from('k'), target: 'Mod', result: 'Greater', mod_revision: lease }] },
    {},
  ];
  for (const txn of all) expect(encodeTxn(txn).toString('hex')).toBe(reference.requestSerialize(txn).toString('hex'));
});

test.each(lengths)('keys and values of %d bytes', (length) => {
  const key = randomBytes(length);
  const value = randomBytes(length);
  const put = { request_put: { key, value, lease: '7' } };
  const txn: Txn = { success: Array.from({ length: 20 }, () => put), failure: [{ request_delete_range: { key } }] };
  expect(encodeTxn(txn).equals(reference.requestSerialize(txn))).toBe(true);
  const kv = { key, value, create_revision: '1', mod_revision: '2', version: '3', lease: '4' };
  const responses = [{ response_range: { header: {}, kvs: [kv, kv], more: true, count: '2' } }];
  const answer = decodeAnswer(reference.responseSerialize({ header: { revision: '9' }, succeeded: true, responses }));
  const read = { key, value, create_revision: '1', mod_revision: '2', lease: '4' };
  expect(answer.responses).toEqual([{ response_range: { kvs: [read, read], count: '2' } }]);
});

test.each(integers)('an answer with %s in all its places', (integer) => {
  const [n, key] = [`${integer}`, Buffer.from('k')];
  const header = { cluster_id: `${2n ** 64n - 1n}`, member_id: `${2n ** 64n - 1n}`, revision: n, raft_term: n };
  const kv = { key, create_revision: n, mod_revision: n, version: n, value: key, lease: n };
  const message = reference.responseSerialize({
    header,
    succeeded: integer % 2n === 1n,
    responses: [
      { response_put: { header } },
      { response_range: { header, kvs: [kv], more: false, count: n } },
      { response_delete_range: { header, deleted: n, prev_kvs: [kv] } },
    ],
  });
  expect(decodeAnswer(message)).toEqual({
    header: { revision: n },
    succeeded: integer % 2n === 1n,
    responses: [
      {},
      { response_range: { kvs: [{ key, create_revision: n, mod_revision: n, value: key, lease: n }], count: n } },
      { response_delete_range: { deleted: n } },
    ],
  });
  // Whatever is cut off: an error, and no reading beyond the end. Where a field ends, the rest of the fields have their defaults.
  for (let length = 0; length < message.length; length += 1) {
    try {
      expect(decodeAnswer(message.subarray(0, length)).responses.length).toBeLessThan(4);
    } catch (error) {
      expect((error as Error).message).toMatch(/protobuf/);
    }
  }
});

test('a negative revision is refused, not sent as another one', () => {
  expect(() => encodeTxn({ compare: [noneSince('q/', -2n)] })).toThrow(RangeError);
});
