import { expect, test } from 'vitest';
import { read } from '../src/reading.ts';
import { explore } from './explore/explore.ts';
import type { Read, Scene } from './explore/state.ts';

const SCENE: Scene = {
  read,
  clients: 2,
  prefetch: 2,
  lives: 0,
  suspicions: 1,
  renews: true,
  repeats: 0,
  isLossy: false,
};

/** Every order of events in each: what is sent comes late or overtakes, a channel ends at any time, a node is suspected and found again. */
test.each<[string, Partial<Scene>]>([
  ['two requests, one of them passed over twice', { suspicions: 2 }],
  ['a third request after one has ended', { lives: 1, renews: false }],
  ['three requests', { clients: 3, renews: false }],
  ['what a suspected node was about to hear is lost', { isLossy: true, lives: 1, renews: false }],
  ['a proposal is published once more', { repeats: 1, renews: false }],
  [
    'a proposal is published once more, and a third request after one has ended',
    { repeats: 1, lives: 1, suspicions: 0 },
  ],
  ['a proposal is published once more, and what was served is lost', { repeats: 1, isLossy: true, renews: false }],
  ['with room for more than two messages', { prefetch: 4, renews: false }],
])('tokens grow, no renewal is believed in vain, and nobody waits for ever: %s', { timeout: 120_000 }, (_, change) => {
  const { grants, flaw } = explore({ ...SCENE, ...change });
  expect(flaw).toBeUndefined();
  // Not by granting nothing.
  expect(grants).toBeGreaterThan(50);
});

/** What each line of the protocol is for: without it there is a way to a flaw. */
test.each<[string, Read, RegExp]>([
  [
    'an echo counts also if it was served before',
    (before, served, propose) => {
      const isEcho = before.phase === 'taking' && served.id === before.proposal.id;
      return read(before, isEcho ? { ...served, isReturned: false } : served, propose);
    },
    /out of order/,
  ],
  [
    'a proposal stands whatever comes before it',
    (before, served, propose) => read(before, served, before.phase === 'taking' ? () => before.proposal : propose),
    /out of order/,
  ],
  [
    'the first message is kept, not the greatest',
    (before, served, propose) => {
      const step = read(before, served, propose);
      if (before.phase !== 'taking' || step.reading.phase !== 'taking') return step;
      return { reading: { ...step.reading, kept: before.kept }, dropped: served };
    },
    /greatest is gone/,
  ],
  [
    'a holder takes what comes back for new',
    (before, served, propose) =>
      read(before, before.phase === 'holding' ? { ...served, isReturned: false } : served, propose),
    /renewal was believed/,
  ],
])('there is a way to a flaw where %s', { timeout: 120_000 }, (_, broken, what) => {
  const { flaw } = explore({ ...SCENE, read: broken, lives: 1 });
  expect(flaw?.what).toMatch(what);
});
