import { setTimeout as sleep } from 'node:timers/promises';
import { contendersOf } from '../backends.ts';
import type { BackendName } from '../backends.ts';
import { nowMs } from '../clock.ts';
import type { Client, Contender, Receiver, Release, Sender } from '../contender.ts';
import { contend } from '../contend.ts';
import type { Contest } from '../contend.ts';
import { lineOf } from '../line.ts';
import type { Line } from '../line.ts';

/** What one waiter did, by `nowMs`. */
export interface Hold {
  readonly grantedAt: number;
  readonly releasedAt: number;
}

export interface Opening {
  readonly backend: BackendName;
  readonly contender: string;
  readonly url: string;
  readonly ttlMs: number;
  readonly clients: number;
}

let handles = 0;
const opened = new Map<number, readonly Client[]>();
const held = new Map<string, Release>();
const holds = new Map<string, Promise<Hold>[]>();
const lines = new Map<string, Line>();
const failures = new Map<string, unknown>();
const senders = new Map<number, Sender>();
const receivers = new Map<number, { readonly receiver: Receiver; heard: Promise<number> | undefined }>();

async function contenderOf({ backend, contender }: Pick<Opening, 'backend' | 'contender'>): Promise<Contender> {
  const found = (await contendersOf(backend)).find(({ name }) => name === contender);
  if (found === undefined) throw new Error(`${backend} has no contender ${contender}`);
  return found;
}

function clientsOf(handle: number): readonly Client[] {
  return opened.get(handle) ?? [];
}

async function holdOf(client: Client | undefined, name: string, pauseMs: number): Promise<Hold> {
  if (client === undefined) throw new Error('There is no such client');
  const release = await client.acquire(name);
  const grantedAt = nowMs();
  await sleep(pauseMs);
  const releasedAt = nowMs();
  await release();
  return { grantedAt, releasedAt };
}

/** What a process can be told to do. Arguments and results are JSON. */
export const tasks = {
  /** Resolves with a handle. */
  async open(opening: Opening): Promise<number> {
    const contender = await contenderOf(opening);
    const clients = Array.from({ length: opening.clients }, () => contender.open(opening.url, opening.ttlMs));
    handles += 1;
    opened.set(handles, await Promise.all(clients));
    return handles;
  },

  async close({ handle }: { handle: number }): Promise<void> {
    await Promise.all(clientsOf(handle).map((client) => client.close()));
    opened.delete(handle);
  },

  /** Resolves with the time of the grant. */
  async acquire({ handle, name }: { handle: number; name: string }): Promise<number> {
    const [client] = clientsOf(handle);
    if (client === undefined) throw new Error('There is no such client');
    held.set(name, await client.acquire(name));
    return nowMs();
  },

  /** Resolves with the time before the release was asked for. */
  async release({ name }: { name: string }): Promise<number> {
    const release = held.get(name);
    held.delete(name);
    const at = nowMs();
    await release?.();
    return at;
  },

  /** So many more tasks ask for `name`, on the clients by turns, and hold it for `pauseMs` each. Does not wait for them. */
  wait({ handle, name, waiters, pauseMs }: { handle: number; name: string; waiters: number; pauseMs: number }): void {
    const clients = clientsOf(handle);
    const started = holds.get(name) ?? [];
    holds.set(name, started);
    if (!lines.has(name)) lines.set(name, lineOf(name));
    for (let i = 0; i < waiters; i += 1) {
      const hold = holdOf(clients[started.length % clients.length], name, pauseMs);
      hold.then(undefined, (error: unknown) => failures.set(name, error));
      started.push(hold);
    }
  },

  /** How many of them are in line, as Holdfast tells. Rejects once one of them failed. */
  inLine({ name }: { name: string }): number {
    if (failures.has(name)) throw failures.get(name);
    return lines.get(name)?.count() ?? 0;
  },

  /** What those who waited for `name` did, once all are done. */
  async waited({ name }: { name: string }): Promise<readonly Hold[]> {
    const started = holds.get(name) ?? [];
    holds.delete(name);
    lines.get(name)?.stop();
    lines.delete(name);
    failures.delete(name);
    return await Promise.all(started);
  },

  /** All clients want a lock all the time. Resolves with what each got. */
  contend({ handle, contest }: { handle: number; contest: Contest }): Promise<readonly number[]> {
    return contend(clientsOf(handle), contest);
  },

  async openSender(opening: Pick<Opening, 'backend' | 'contender' | 'url'>): Promise<number> {
    const sender = await (await contenderOf(opening)).notification?.sender(opening.url);
    if (sender === undefined) throw new Error('There is no notification');
    handles += 1;
    senders.set(handles, sender);
    return handles;
  },

  async arm({ handle }: { handle: number }): Promise<void> {
    await senders.get(handle)?.arm();
  },

  /** Resolves with the time before. */
  async send({ handle }: { handle: number }): Promise<number> {
    const at = nowMs();
    await senders.get(handle)?.send();
    return at;
  },

  async closeSender({ handle }: { handle: number }): Promise<void> {
    await senders.get(handle)?.close();
    senders.delete(handle);
  },

  async openReceiver(opening: Pick<Opening, 'backend' | 'contender' | 'url'>): Promise<number> {
    const receiver = await (await contenderOf(opening)).notification?.receiver(opening.url);
    if (receiver === undefined) throw new Error('There is no notification');
    handles += 1;
    receivers.set(handles, { receiver, heard: undefined });
    return handles;
  },

  async listen({ handle }: { handle: number }): Promise<void> {
    const listening = receivers.get(handle);
    if (listening === undefined) throw new Error('There is no such receiver');
    listening.heard = (await listening.receiver.listen()).heard;
    listening.heard.then(undefined, () => undefined);
  },

  /** Resolves with the time. */
  async heard({ handle }: { handle: number }): Promise<number> {
    const heard = receivers.get(handle)?.heard;
    if (heard === undefined) throw new Error('Nobody listens');
    return await heard;
  },

  async rest({ handle }: { handle: number }): Promise<void> {
    await receivers.get(handle)?.receiver.rest?.();
  },

  async closeReceiver({ handle }: { handle: number }): Promise<void> {
    await receivers.get(handle)?.receiver.close();
    receivers.delete(handle);
  },
} as const;

export type Tasks = typeof tasks;
export type Task = keyof Tasks;
export type Input<T extends Task> = Parameters<Tasks[T]>[0];
export type Output<T extends Task> = Awaited<ReturnType<Tasks[T]>>;

/** To a process. */
export interface Order {
  readonly id: number;
  readonly task: Task;
  readonly input: unknown;
}

/** From it. */
export type Answer =
  | { readonly id: number; readonly output: unknown }
  | { readonly id: number; readonly failed: string };
