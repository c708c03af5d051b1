/** What keeps a process (or thread) alive: a lock that is renewed and a request that waits, nothing else. */
import type { ConformanceCase } from '../case.ts';
import { staysPending, within } from '../expect.ts';

/** A process that is alive for so long after it has nothing else to do is kept alive by something. In ms. */
const A_WHILE_MS = 500;

export const processLife: readonly ConformanceCase[] = [
  {
    id: 'process-life/idle-client',
    title: 'an idle client that was never closed lets its process end',
    requires: [],
    async run(ctx) {
      const peer = await ctx.peer();
      const lock = await peer.acquire(ctx.name());
      await lock.release();
      await peer.leave();
      await within(2 * ctx.time.prompt, peer.gone, 'a process with an idle client ends');
    },
  },
  {
    id: 'process-life/held-lock',
    title: 'a lock that is renewed keeps its process alive',
    requires: [],
    async run(ctx) {
      const peer = await ctx.peer();
      await peer.acquire(ctx.name(), { ttl: ctx.time.ttl });
      await peer.leave();
      await staysPending(A_WHILE_MS, peer.gone, 'a process that holds a lock');
      await peer.kill();
    },
  },
  {
    id: 'process-life/not-renewed',
    title: 'a lock that nobody renews does not keep its process alive',
    requires: [],
    async run(ctx) {
      const peer = await ctx.peer();
      await peer.acquire(ctx.name(), { ttl: ctx.time.ttl, renew: false });
      await peer.leave();
      await within(2 * ctx.time.prompt, peer.gone, 'a process whose lock is not renewed ends');
    },
  },
  {
    id: 'process-life/waiting',
    title: 'a request that waits keeps its process alive; once it has given up, nothing does',
    requires: [],
    async run(ctx) {
      const [locks, peer] = await Promise.all([ctx.open(), ctx.peer()]);
      const name = ctx.name();
      const lock = await locks.acquire(name);
      await peer.enqueue(name, { timeout: 2 * A_WHILE_MS });
      await peer.leave();
      await staysPending(A_WHILE_MS, peer.gone, 'a process that waits for a lock');
      await within(2 * A_WHILE_MS + 2 * ctx.time.prompt, peer.gone, 'a process whose wait timed out ends');
      await lock.release();
    },
  },
];
