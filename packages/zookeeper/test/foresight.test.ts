/** The order of what is heard on one connection, where no test can make a server keep to it. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Code, ConnectionLossError, ZooKeeperError } from '../src/errors.ts';
import type { Operation } from '../src/protocol/operations.ts';
import type { Entry } from '../src/queue/entry.ts';
import { KnownQueue } from '../src/queue/known.ts';
import { Foresight } from '../src/queue/sure.ts';
import { nodesOf, viewOf } from '../src/queue/view.ts';
import type { View } from '../src/queue/view.ts';
import type { WakeUp } from '../src/queue/wake-up.ts';
import type { Connection } from '../src/session/connection.ts';
import type { ZooKeeperSession } from '../src/session/session.ts';

const CONTAINER = '/holdfast/n';
const FLOOR = 5n;
const name = (i: number): string => `x-owner-000000000000000${i}-${String(i).padStart(10, '0')}`;
const stat = { czxid: 9n, mzxid: FLOOR, ctime: 0, mtime: 0, version: 0 };
const [first, ahead, own] = nodesOf({ names: [0, 1, 2].map(name), stat }, CONTAINER);
const path = (i: number): string => `${CONTAINER}/${name(i)}`;
const gone = new ZooKeeperError(Code.noNode, path(0));

/** Number 2 of a queue of three gets ready. What it asks is answered, and what happens is told, in the order of the test. */
async function scene(
  play: (told: {
    answer(path: string, what?: object | Error): Promise<unknown>;
    happens(path: string): void;
  }) => Promise<void>,
): Promise<View | undefined> {
  const asked = new Map<string, ((what: object | Error) => void)[]>();
  const listeners = new Map<string, ((isGone: boolean) => void)[]>();
  const push = <T>(map: Map<string, T[]>, key: string, value: T): unknown =>
    map.set(key, [...(map.get(key) ?? []), value]);
  const connection = {
    isOpen: true,
    request: (operation: Operation<unknown>) =>
      new Promise((resolve, reject) => {
        push(asked, operation.path, (what) => (what instanceof Error ? reject(what) : resolve(what)));
      }),
  } as unknown as Connection;
  let ring: () => void = () => undefined;
  const rung = new Promise<void>((resolve) => (ring = resolve));
  const bell: WakeUp = { rung, ring, watch: (_kind, at, listener) => push(listeners, at, listener ?? ring) };
  const session = { lease: { remainingMs: 1000 } } as ZooKeeperSession;
  const entry = { session, container: { path: CONTAINER }, name: name(2), path: path(2), czxid: 9n } as Entry;
  if (first === undefined || ahead === undefined || own === undefined) throw new Error('Three nodes were made');
  return await KnownQueue.during(entry, viewOf([first, ahead, own], FLOOR), async (known) => {
    const foresight = new Foresight(entry, { ahead, known }, connection, bell);
    const seen = foresight.wait();
    await play({
      async answer(at, what = { data: Buffer.alloc(0), stat }) {
        asked.get(at)?.shift()?.(what);
        await turn();
      },
      happens(at) {
        for (const listener of listeners.get(at) ?? []) listener(at !== CONTAINER);
      },
    });
    return await seen;
  });
}

test('the end of the one ahead is heard when all is answered: it holds', async () => {
  const view = await scene(async ({ answer, happens }) => {
    for (const each of [path(1), CONTAINER, path(2)]) await answer(each);
    await answer(path(0), gone);
    happens(path(1));
  });
  expect(view).toEqual({ entered: [own], order: [own], floor: FLOOR });
});

test('before the answers: it holds by them', async () => {
  const view = await scene(async ({ answer, happens }) => {
    await answer(path(1));
    happens(path(1));
    for (const each of [CONTAINER, path(2)]) await answer(each);
    await answer(path(0), gone);
  });
  expect(view?.order).toEqual([own]);
});

test('before the answers, between which a thief comes: unknown', async () => {
  const view = await scene(async ({ answer, happens }) => {
    await answer(path(1));
    happens(path(1));
    await answer(CONTAINER);
    happens(CONTAINER);
    await answer(path(2));
    await answer(path(0), gone);
  });
  expect(view).toBeUndefined();
});

test('its own node is gone before the last answer: unknown', async () => {
  const view = await scene(async ({ answer, happens }) => {
    await answer(path(1));
    happens(path(1));
    for (const each of [CONTAINER, path(2)]) await answer(each);
    happens(path(2));
    await answer(path(0), gone);
  });
  expect(view).toBeUndefined();
});

test('one farther ahead is still there: it is seen behind that one', async () => {
  const view = await scene(async ({ answer }) => {
    for (const each of [path(1), CONTAINER, path(2), path(0)]) await answer(each);
  });
  expect(view?.order).toEqual([first, ahead, own]);
});

test('the connection is lost before the last answer: nobody is taken for gone', async () => {
  const view = await scene(async ({ answer }) => {
    for (const each of [path(1), CONTAINER, path(2)]) await answer(each);
    await answer(path(0), new ConnectionLossError('cut'));
  });
  expect(view?.order).toEqual([first, ahead, own]);
});

test('the container was written since the queue was seen: it is listed', async () => {
  const thief = `t-owner-0000000000000009-${'3'.padStart(10, '0')}`;
  const view = await scene(async ({ answer }) => {
    await answer(path(1));
    await answer(CONTAINER, { data: Buffer.alloc(0), stat: { ...stat, mzxid: 10n } });
    await answer(path(2));
    await answer(path(0), gone);
    await answer(CONTAINER, { names: [1, 2].map(name).concat(thief), stat: { ...stat, mzxid: 10n } });
  });
  expect(view?.order.map((node) => node.name)).toEqual([thief, name(1), name(2)]);
});
