import { nowMs } from '../clock.ts';
import type { Contender, Notification } from '../contender.ts';
import { holdfast } from './holdfast.ts';
import { connected, follow, PARTITIONS } from './kafka-log.ts';

/** From an append until another connection has read it. */
const notification: Notification = {
  async sender(url) {
    const log = await connected(url, 0);
    return { arm: () => Promise.resolve(), send: () => log.append(), close: () => log.close() };
  },
  async receiver(url) {
    const log = await connected(url, 0);
    const heardFrom = async (offset: number): Promise<number> => {
      while ((await log.read(offset)).length === 0);
      return nowMs();
    };
    return {
      listen: async () => ({ heard: heardFrom(await log.end()) }),
      close: () => log.close(),
    };
  },
};

let clients = 0;

/** A record is appended and read back, by a reader that always waits for the next; then another one is appended. */
const raw: Contender = {
  name: 'append, read back, append',
  role: 'raw',
  async open(url) {
    clients += 1;
    const log = await connected(url, clients % PARTITIONS);
    const waiting = new Map<number, () => void>();
    const reader = await follow(log, (_messages, next) => {
      for (const [offset, isRead] of waiting) {
        if (offset >= next) continue;
        waiting.delete(offset);
        isRead();
      }
    });
    return {
      async acquire() {
        const offset = await log.append();
        if (offset >= reader.next) await new Promise<void>((resolve) => waiting.set(offset, resolve));
        return () => log.append();
      },
      close: () => reader.close(),
    };
  },
  notification,
};

/** As long as what Holdfast appends. */
const LENGTH = 300;
/** Not that of the notification: those who wait in line would be woken by it. */
const LINE = 1;

/**
 * The least that a log can be which grants in its order: a request is a record, a release another one, and all who read both know who holds. No
 * owner, and if one client dies, all wait forever.
 */
const least: Contender = {
  name: 'a log that everybody reads',
  role: 'floor',
  only: ['hand-over'],
  async open(url) {
    const log = await connected(url, LINE);
    const lines = new Map<string, number[]>();
    const holds = new Map<number, () => void>();
    const grant = ([first]: readonly number[]): void => {
      if (first === undefined) return;
      holds.get(first)?.();
      holds.delete(first);
    };
    const reader = await follow(log, (messages) => {
      for (const { offset, value } of messages) {
        const [name = '', released] = String(value).split(' ');
        const line = (lines.get(name) ?? []).filter((place) => String(place) !== released);
        lines.set(name, released === '' ? [...line, Number(offset)] : line);
        grant(lines.get(name) ?? []);
      }
    });
    return {
      async acquire(name) {
        const offset = await log.append(`${name}  `.padEnd(LENGTH, 'x'));
        await new Promise<void>((resolve) => {
          holds.set(offset, resolve);
          grant(lines.get(name) ?? []);
        });
        return () => log.append(`${name} ${offset} `.padEnd(LENGTH, 'x'));
      },
      close: () => reader.close(),
    };
  },
};

export const contenders: readonly Contender[] = [raw, least, holdfast];
