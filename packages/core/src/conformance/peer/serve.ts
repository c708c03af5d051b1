import { subscribe } from 'node:diagnostics_channel';
import { randomInt } from 'node:crypto';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Lock } from '../../client/lock.ts';
import type { LockEvent } from '../../client/events.ts';
import type { Locks } from '../../client/locks.ts';
import { hostMs } from './protocol.ts';
import type { Call, Handed, Operation, Operations, PeerModule, Reply, Seen, SentError } from './protocol.ts';

/** The peer's end of its channel. */
export interface Link {
  send(reply: Reply): void;
  /** Stops keeping the process or thread alive. */
  leave(): void;
}

type Handlers = {
  [O in Operation]: (argument: Operations[O]['argument'], link: Link) => Promise<Operations[O]['result']>;
};

/** Answers calls. The returned function takes one. */
export function serve(link: Link): (call: Call) => void {
  const handlers = makeHandlers();
  const asking = new Map<number, string>();
  subscribe('holdfast:contended', (event) => {
    const first = [...asking].find(([, name]) => name === (event as LockEvent).name);
    if (first === undefined) return;
    asking.delete(first[0]);
    link.send({ id: first[0], type: 'contended' });
  });
  const answer = async ({ id, operation, argument }: Call): Promise<void> => {
    if (operation === 'acquire') asking.set(id, (argument as Operations['acquire']['argument']).name);
    try {
      const handle = handlers[operation] as (argument: unknown, link: Link) => Promise<unknown>;
      link.send({ id, type: 'result', value: await handle(argument, link) });
    } catch (error) {
      link.send({ id, type: 'error', error: sent(error) });
    } finally {
      asking.delete(id);
    }
  };
  return (call) => void answer(call);
}

function makeHandlers(): Handlers {
  let opened: Locks | undefined;
  const held = new Map<number, Lock>();
  const locks = (): Locks => opened ?? fail('The peer has no client yet');
  const lockOf = (id: number): Lock => held.get(id) ?? fail(`The peer has no lock ${id}`);

  return {
    open: async ({ module, data, main }) => {
      // Adapters are looked for beside the program: that is the one that runs the suite, not this file.
      if (main !== undefined) process.argv[1] = main;
      const { open } = (await import(module)) as PeerModule;
      opened = await open(data);
      return undefined;
    },
    ping: () => Promise.resolve(undefined),
    acquire: async ({ name, options, wait }) => {
      const lock = wait ? await locks().acquire(name, options) : await locks().tryAcquire(name, options);
      if (lock === null) return null;
      held.set(held.size + 1, lock);
      return handed(held.size, lock);
    },
    release: async (id) => await lockOf(id).release(),
    renew: async (id) => await lockOf(id).renew(),
    look: (id) => Promise.resolve(look(lockOf(id))),
    loss: (id) => loss(lockOf(id)),
    block: ({ lock, ms }) => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
      return Promise.resolve(look(lockOf(lock)));
    },
    count: (argument) => count(locks(), argument),
    query: (name) => locks().query(name),
    close: async () => await locks().close(),
    leave: (_, link) => {
      link.leave();
      return Promise.resolve(undefined);
    },
  };
}

function handed(id: number, lock: Lock): Handed {
  return { lock: id, fencingToken: lock.fencingToken, remainingMs: lock.remainingMs, held: lock.held, at: hostMs() };
}

function look(lock: Lock): Seen {
  // The signal first: it is what a task that was frozen looks at, and nothing else may have told it before.
  const { aborted } = lock.signal;
  return { held: lock.held, aborted, remainingMs: lock.remainingMs };
}

function loss({ signal }: Lock): Promise<Operations['loss']['result']> {
  return new Promise((resolve) => {
    const told = (): void => {
      const { code, reason } = sent(signal.reason);
      resolve({ at: hostMs(), code, reason });
    };
    if (signal.aborted) told();
    else signal.addEventListener('abort', told, { once: true });
  });
}

async function count(locks: Locks, work: Operations['count']['argument']): Promise<undefined> {
  for (let round = 0; round < work.rounds; round += 1) {
    await locks.request(work.name, work.options, async (lock) => {
      appendFileSync(work.log, `${lock.fencingToken}\n`);
      const before = Number(readFileSync(work.file, 'utf8'));
      await delay(randomInt(3));
      writeFileSync(work.file, String(before + 1));
    });
  }
  return undefined;
}

function sent(error: unknown): SentError {
  const { name, message, code, reason } = error as Partial<SentError>;
  return { name: name ?? typeof error, message: message ?? String(error), code, reason };
}

function fail(message: string): never {
  throw new Error(message);
}
