/** What takes part in a queue step by step, or deletes what is not its own. */
import { randomUUID } from 'node:crypto';
import type { Locks } from '@holdfast/core';
import type { LockRequest } from '@holdfast/core/adapter';
import type { RunningServer } from '@holdfast/testbed';
import { onTestFinished } from 'vitest';
import { optionsOf } from '../src/options.ts';
import { multi } from '../src/protocol/multi.ts';
import { getData, remove, setData } from '../src/protocol/operations.ts';
import type { Stat } from '../src/protocol/stat.ts';
import { Container } from '../src/queue/container.ts';
import { enter, leave } from '../src/queue/entry.ts';
import type { Entered } from '../src/queue/entry.ts';
import { steal } from '../src/queue/token.ts';
import { Ensemble } from '../src/session/ensemble.ts';
import { fourLetterWord } from '../src/session/four-letter-word.ts';
import { ZooKeeperSession } from '../src/session/session.ts';
import { until } from './scene.ts';

const client = { id: 'by-hand', host: 'here', pid: 1 };

export interface ByHand {
  /** Only the first half of a theft: its node is in the queue. */
  enterThief(name: string): Promise<Entered>;
  /** The second half: resolves with the token. */
  finish(thief: Entered): Promise<bigint | undefined>;
  leave(thief: Entered): Promise<boolean>;
  /** Sets the data of a node of somebody else, to what they are. */
  touch(name: string, node: string): Promise<unknown>;
  /** Deletes nodes of others in one transaction, in this order. Resolves with its number. */
  remove(name: string, nodes: readonly string[]): Promise<bigint>;
  /** Deletes a whole queue, and its container as the server does with one that is empty. */
  removeAll(name: string, nodes: readonly string[]): Promise<unknown>;
}

export async function byHand(url: string): Promise<ByHand> {
  const { ensemble, root, acl } = optionsOf({ url });
  const session = await ZooKeeperSession.open(new Ensemble(ensemble), 30_000, true);
  onTestFinished(() => session.close());
  await new Container(root, 'elsewhere', acl).ensure(session);
  return {
    enterThief: (name) => enter(session, new Container(root, name, acl), theft(name)),
    finish: (thief) => steal(thief, client),
    leave: ({ entry }) => leave(entry),
    async touch(name, node) {
      const path = `${root}/${name}/${node}`;
      return await session.call(setData(path, (await session.call(getData(path, false))).data));
    },
    async remove(name, nodes) {
      const [stat] = await session.call(
        multi([
          setData(`${root}/elsewhere`, Buffer.alloc(0)),
          ...nodes.map((node) => remove(`${root}/${name}/${node}`)),
        ]),
      );
      return (stat as Stat).mzxid;
    },
    removeAll: (name, nodes) =>
      session.call(multi([...nodes.map((node) => remove(`${root}/${name}/${node}`)), remove(`${root}/${name}`)])),
  };
}

function theft(name: string): LockRequest {
  const { signal } = new AbortController();
  return {
    name,
    owner: randomUUID(),
    mode: 'exclusive',
    ttlMs: 30_000,
    wait: true,
    steal: true,
    renew: true,
    client,
    signal,
    aborted: false,
    onContended: () => undefined,
  };
}

/**
 * Resolves once the next in line behind a holder, of `locks`, is ready for the holder's end: it watches its own node, as the holder does,
 * and has all answers to what it asked for with that.
 */
export async function ready(server: RunningServer, locks: Locks, name: string): Promise<void> {
  const { root } = optionsOf({ url: server.url });
  const host = { host: '127.0.0.1', port: server.port };
  await until(async () => ownWatches(await fourLetterWord(host, 'wchp'), `${root}/${name}`) === 2);
  // Asked in the same session and so on the same connection, as all have the default ttl.
  await locks.query(name);
}

/** How many nodes are watched by the session that they are of. */
function ownWatches(watches: string, container: string): number {
  const paths = watches.split(/^(?=\/)/m).filter((each) => each.startsWith(`${container}/`));
  return paths.filter((each) => {
    const [path = '', ...sessions] = each.split(/\s+/);
    return sessions.some((session) => path.includes(`-${session.replace('0x', '').padStart(16, '0')}-`));
  }).length;
}
