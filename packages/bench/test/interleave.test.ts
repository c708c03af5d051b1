import { expect, test } from 'vitest';
import { interleave } from '../dist/interleave.js';
import type { Entrant } from '../dist/interleave.js';

function entrant(name: string, log: string[], figure: (call: number) => number): Entrant {
  let calls = 0;
  return {
    name,
    measure() {
      log.push(name);
      calls += 1;
      return Promise.resolve(figure(calls));
    },
    close: () => Promise.resolve(),
  };
}

const options = { rounds: 8, warmUps: 1, seed: 1, limitMs: 200, onRound: () => undefined };

test('everybody is measured once a round, in changing order; the first round does not count', async () => {
  const log: string[] = [];
  const measured = await interleave(
    ['a', 'b', 'c'].map((name) => entrant(name, log, (call) => call)),
    options,
  );
  expect(measured.map(({ figures }) => figures)).toEqual([
    [2, 3, 4, 5, 6, 7, 8, 9],
    [2, 3, 4, 5, 6, 7, 8, 9],
    [2, 3, 4, 5, 6, 7, 8, 9],
  ]);
  const rounds = Array.from({ length: 9 }, (_, round) => log.slice(round * 3, round * 3 + 3));
  for (const round of rounds) expect(round.toSorted()).toEqual(['a', 'b', 'c']);
  expect(new Set(rounds.map((round) => round.join(''))).size).toBeGreaterThan(1);
});

test('who fails is out, says why, and does not stop the others', async () => {
  const bad = entrant('bad', [], (call) => {
    if (call > 3) throw new Error('no more');
    return 1;
  });
  const [failed, sound] = await interleave([bad, entrant('sound', [], () => 1)], options);
  expect(failed).toEqual({ name: 'bad', figures: [1, 1], failed: 'no more' });
  expect(sound?.figures).toHaveLength(8);
});

test('who has no figure within the limit is out', async () => {
  const hanging: Entrant = {
    name: 'hanging',
    measure: () => new Promise(() => undefined),
    close: () => Promise.resolve(),
  };
  const [failed, sound] = await interleave([hanging, entrant('sound', [], () => 1)], options);
  expect(failed).toEqual({ name: 'hanging', figures: [], failed: 'Waited 0.2 s for a slice' });
  expect(sound?.figures).toHaveLength(8);
});
