import { describe, expect, test } from 'vitest';
import { Story } from './story.ts';

const shared = { mode: 'shared' } as const;
const permit = { mode: 'semaphore', permits: 2 } as const;

describe('a history in which nothing is wrong', () => {
  test('passes', () => {
    const story = new Story()
      .held('a', 10, 50, 1)
      .ask('b', 20)
      .queued('b', 21)
      .granted('b', 51, 2)
      .ending('b', 90)
      .ask('c', 30, { wait: false })
      .refused('c', 31)
      .touched('a', 'read', 1, 0, 0)
      .touched('a', 'write', 1, 0, 1)
      .touched('b', 'read', 2, 1, 1)
      .touched('a', 'write', 1, 1, 2, false)
      .touched('b', 'write', 2, 1, 2)
      .calm(100)
      .stop(200);
    expect(story.judge()).toMatchObject({
      violations: [],
      counts: { operations: 3, grants: 2, fencedRefused: 1, unfencedCorrupted: 0, longestCalmStallMs: 0 },
    });
  });

  test('passes when nothing happened', () => {
    expect(new Story().broken()).toEqual([]);
  });
});

describe('exclusion', () => {
  test('two exclusive holds overlap', () => {
    expect(new Story().held('a', 10, 50, 1).held('b', 40, 90, 2).broken()).toEqual(['exclusion']);
  });

  test('the overlap itself is the window', () => {
    const [violation] = new Story().held('a', 10, 50, 1).held('b', 40, 90, 2).judge().violations;
    expect(violation).toMatchObject({ ops: ['a', 'b'], from: 40_000, to: 50_000 });
  });

  test('a long hold overlaps one that is not its neighbour', () => {
    const story = new Story().held('a', 10, 500, 1, shared).held('b', 20, 30, 2, shared).held('c', 40, 90, 3);
    expect(story.broken()).toEqual(['exclusion']);
  });

  test('names do not exclude each other', () => {
    expect(new Story().held('a', 10, 50, 1).held('b', 40, 90, 2, { name: 'm' }).broken()).toEqual([]);
  });

  test('readers share, and keep writers and permits out', () => {
    expect(new Story().held('a', 10, 50, 1, shared).held('b', 40, 90, 2, shared).broken()).toEqual([]);
    expect(new Story().held('a', 10, 50, 1, shared).held('b', 40, 90, 2).broken()).toEqual(['exclusion']);
    expect(new Story().held('a', 10, 50, 1, shared).held('b', 40, 90, 2, permit).broken()).toEqual(['exclusion']);
  });

  test('a semaphore has so many permits and no more', () => {
    const two = new Story().held('a', 10, 50, 1, permit).held('b', 20, 60, 2, permit);
    expect(two.broken()).toEqual([]);
    expect(two.held('c', 40, 90, 3, permit).broken()).toEqual(['exclusion']);
  });

  test('a renewed hold lasts until its new deadline, for a holder that never said it was over', () => {
    const story = new Story()
      .ask('a', 0)
      .granted('a', 10, 1)
      .proof('a', 900)
      .held('b', 1500, 1600, 2)
      .killed('a', 1700);
    expect(story.broken()).toEqual(['exclusion']);
  });

  test('a hold is over for others at its deadline, its loss or the death of its process', () => {
    const frozen = new Story().ask('a', 0).granted('a', 10, 1).fault('client-freeze', 100, 3000, 'a').lost('a', 3000);
    expect(frozen.held('b', 1100, 1200, 2).broken()).toEqual([]);
    const lost = new Story().ask('a', 0).granted('a', 10, 1).lost('a', 100);
    expect(lost.held('b', 101, 200, 2).broken()).toEqual([]);
    const killed = new Story().ask('a', 0).granted('a', 10, 1).killed('a', 100);
    expect(killed.held('b', 101, 200, 2).broken()).toEqual([]);
  });

  test('a theft is counted instead: for the thief, and for who follows it', () => {
    const story = new Story().held('a', 10, 100, 1).held('b', 40, 60, 2, { steal: true }).held('c', 61, 90, 3);
    expect(story.judge()).toMatchObject({ violations: [], counts: { excused: { theft: 2 } } });
  });

  test('a theft excuses no hold that came after it', () => {
    const story = new Story().held('b', 40, 60, 2, { steal: true }).held('c', 61, 90, 3).held('d', 80, 95, 4);
    expect(story.broken()).toEqual(['exclusion']);
  });

  test('where a disconnect frees the lock, a cut of the holder is counted instead, and of another client is not', () => {
    const cut = (who: string): Story =>
      new Story().held('a', 10, 100, 1).fault('cut', 30, 31, who).held('b', 40, 60, 2);
    expect(cut('a').judge({ takeover: 'on-disconnect' })).toMatchObject({
      violations: [],
      counts: { excused: { disconnect: 1 } },
    });
    expect(cut('a').broken()).toEqual(['exclusion']);
    expect(cut('b').broken({ takeover: 'on-disconnect' })).toEqual(['exclusion']);
  });

  test('where replication is asynchronous, an overlap after a failover is counted instead; tokens have to grow all the same', () => {
    const story = (at: number, token: number): Story =>
      new Story()
        .held('a', 10, 100, 2)
        .fault('failover', at, at + 1)
        .held('b', 40, 60, token);
    expect(story(30, 3).judge({ forgets: true })).toMatchObject({
      violations: [],
      counts: { excused: { failover: 1 } },
    });
    expect(story(30, 3).broken()).toEqual(['exclusion']);
    expect(story(50, 3).broken({ forgets: true })).toEqual(['exclusion']);
    const apart = new Story()
      .held('a', 10, 30, 2)
      .fault('failover', 20, 21)
      .ask('b', 35)
      .granted('b', 40, 1)
      .ending('b', 60);
    expect(apart.broken({ forgets: true })).toContain('tokens');
  });
});

describe('tokens', () => {
  test('the same token twice', () => {
    expect(new Story().held('a', 10, 20, 5).held('b', 30, 40, 5).broken()).toEqual(['tokens']);
  });

  test('a smaller token for who asked after the other was granted', () => {
    expect(new Story().held('a', 10, 20, 5, shared).held('b', 30, 40, 4, shared).broken()).toEqual(['tokens']);
  });

  test('a smaller token for a rival that was granted later, although it asked before', () => {
    const story = new Story().ask('b', 1).held('a', 10, 20, 5).granted('b', 30, 4).ending('b', 40);
    expect(story.broken()).toEqual(['tokens']);
  });

  test('two readers that asked at the same time may be told in either order', () => {
    const story = new Story().ask('b', 1, shared).held('a', 10, 20, 5, shared).granted('b', 30, 4).ending('b', 40);
    expect(story.broken()).toEqual([]);
  });

  test('tokens of two names have nothing to do with each other', () => {
    expect(new Story().held('a', 10, 20, 5).held('b', 30, 40, 4, { name: 'm' }).broken()).toEqual([]);
  });
});

describe('fence', () => {
  test('a stale write is accepted', () => {
    const story = new Story().touched('b', 'read', 2, 0, 0).touched('a', 'write', 1, 0, 1);
    expect(story.broken()).toEqual(['fence']);
  });

  test('a write is lost although no token was stale', () => {
    const story = new Story().touched('a', 'write', 1, 0, 1).touched('b', 'write', 2, 0, 1);
    expect(story.broken()).toEqual(['fence']);
  });

  test('the unfenced register may lose writes, and they are counted', () => {
    const story = new Story().unfenced('a', 1, 0, 1).unfenced('b', 2, 0, 1).unfenced('a', 1, 1, 2);
    expect(story.judge()).toMatchObject({ violations: [], counts: { unfencedCorrupted: 1 } });
  });
});

describe('service', () => {
  test('nobody is served once the faults are over', () => {
    const story = new Story().ask('a', 0).calm(100).granted('a', 3000, 1).ending('a', 3001).stop(4000);
    expect(story.broken()).toEqual(['service']);
  });

  test('the same stall during the faults is only reported', () => {
    const story = new Story().ask('a', 0).granted('a', 3000, 1).ending('a', 3001).calm(3500).stop(4000);
    expect(story.judge()).toMatchObject({ violations: [], counts: { longestStallMs: 3000 } });
  });

  test('a wait without an answer', () => {
    const story = new Story().ask('a', 0).held('b', 0, 4000, 1).proof('b', 900, 5000).calm(100).stop(4000);
    expect(story.broken()).toEqual(['service']);
  });

  test('a wait beyond the bound, while others hold', () => {
    const story = new Story().ask('a', 0).calm(100);
    for (let i = 0; i < 7; i += 1) story.held('b'.repeat(i + 1), 1 + i * 1000, 1000 + i * 1000, i + 1);
    expect(story.granted('a', 7001, 9).ending('a', 7002).stop(8000).broken({ fifo: false })).toEqual(['service']);
  });

  test('nobody can serve a client that is frozen or dead', () => {
    const frozen = new Story().ask('a', 0).fault('client-freeze', 1, 2900, 'a').granted('a', 3000, 1).ending('a', 3001);
    expect(frozen.stop(4000).judge().counts.longestStallMs).toBe(100);
    expect(new Story().ask('a', 0).killed('a', 50).calm(100).stop(4000).broken()).toEqual([]);
  });
});

describe('order', () => {
  const overtaken = (): Story =>
    new Story()
      .held('z', 1, 50, 1)
      .ask('a', 10)
      .queued('a', 11)
      .held('b', 60, 70, 2)
      .granted('a', 71, 3)
      .ending('a', 80);

  test('who surely waited is overtaken', () => {
    expect(overtaken().broken()).toEqual(['order']);
  });

  test('no order is owed where the manifest claims none, to a thief, or after a fault of the waiter', () => {
    expect(overtaken().broken({ fifo: false })).toEqual([]);
    expect(overtaken().fault('cut', 20, 21, 'a').broken()).toEqual([]);
    expect(overtaken().fault('cut', 20, 21, 'b').broken()).toEqual(['order']);
  });

  test('nor to a waiter that was robbed before it heard of its grant', () => {
    expect(overtaken().held('y', 51, 55, 2, { steal: true }).broken()).not.toContain('order');
  });

  test('nor to a waiter that may wait for another one of its own process', () => {
    expect(overtaken().ask('a2', 5).failed('a2', 40, 'ABORTED').broken()).toEqual([]);
    expect(overtaken().ask('a2', 5).failed('a2', 9, 'ABORTED').broken()).toEqual(['order']);
  });

  test('who gives up leaves its place to the next of its own process', () => {
    expect(overtaken().ask('b2', 5).failed('b2', 61, 'ABORTED').broken()).toEqual([]);
    expect(
      overtaken().ask('b2', 5).failed('b2', 30, 'ABORTED').ask('b3', 25).failed('b3', 61, 'ABORTED').broken(),
    ).toEqual([]);
    expect(overtaken().ask('b2', 20).failed('b2', 61, 'ABORTED').broken()).toEqual(['order']);
    expect(overtaken().ask('b2', 5).failed('b2', 30, 'ABORTED').broken()).toEqual(['order']);
    expect(overtaken().ask('b2', 5, { mode: 'shared' }).failed('b2', 61, 'ABORTED').broken()).toEqual(['order']);
  });

  test('readers that may hold together come in any order, but none is left behind', () => {
    const readers = (until: number): Story =>
      new Story().held('z', 1, 50, 1).ask('a', 10, shared).queued('a', 11).held('b', 60, until, 2, shared);
    expect(readers(70).granted('a', 71, 3).ending('a', 80).broken()).toEqual([]);
    expect(readers(70).granted('a', 700, 3).ending('a', 710).broken()).toEqual(['order']);
  });

  test('who asked at the same time may come in either order', () => {
    const story = new Story().held('z', 1, 50, 1).ask('a', 10).ask('b', 11).queued('a', 12).queued('b', 13);
    expect(story.granted('b', 60, 2).ending('b', 70).granted('a', 71, 3).ending('a', 80).broken()).toEqual([]);
  });
});

describe('told', () => {
  test('a live holder never hears that its hold is over', () => {
    expect(new Story().ask('a', 0).granted('a', 10, 1).stop(4000).broken()).toEqual(['told']);
  });

  test('a frozen or killed one can not', () => {
    const frozen = new Story().ask('a', 0).granted('a', 10, 1).fault('client-freeze', 500, 3500, 'a').lost('a', 3501);
    expect(frozen.stop(4000).judge()).toMatchObject({ violations: [], counts: { losses: 1, lossesInTime: 0 } });
    expect(new Story().ask('a', 0).granted('a', 10, 1).killed('a', 500).stop(4000).broken()).toEqual([]);
  });
});

test('alive: a grant that was over when it was handed over', () => {
  expect(new Story().ask('a', 0).granted('a', 10, 1, 10).lost('a', 10).broken()).toEqual(['alive']);
});

test("errors: a driver's own error reaches the user", () => {
  expect(new Story().ask('a', 0).failed('a', 1, 'ECONNRESET').broken()).toEqual(['errors']);
  expect(new Story().ask('a', 0).failed('a', 1, 'BACKEND_UNAVAILABLE').broken()).toEqual([]);
});

describe('leftovers', () => {
  test('anything found at the end', () => {
    const story = new Story();
    story.leftovers.push('"n" is held by client 3');
    expect(story.broken()).toEqual(['leftovers']);
  });

  test('a client that ended by itself, not one that was killed', () => {
    expect(new Story().died('a', 10).broken()).toEqual(['leftovers']);
    expect(new Story().killed('a', 10).broken()).toEqual([]);
  });
});
