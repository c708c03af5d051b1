import assert from 'node:assert/strict';
import { contend, LOST } from './contend.ts';
import type { Disturbance } from './contend.ts';
import { isAlive, temporary } from '../holdfast.ts';

const CLIENTS = 20;

/** The promise of the command line as a whole, on the backend at `url`, or on files if there is none. */
export async function checkContention(additions: number, given?: string, disturbance?: Disturbance): Promise<void> {
  await using place = await temporary();
  const { attempts, lines } = await contend(given ?? place.url, place.dir, CLIENTS, additions, disturbance);
  const accepted = lines.filter((line) => line.accepted);
  const entries = lines.filter((line) => line.kind === 'enter');

  assert.equal(accepted.length, CLIENTS * additions, 'every addition counts once');
  for (const [index, { value, attempt }] of accepted.entries())
    assert.equal(value, index + 1, `${attempt} overwrote another's addition`);
  for (const [index, { token, attempt }] of entries.entries()) {
    const before = entries[index - 1];
    assert.ok(
      before === undefined || token > before.token,
      `${attempt} entered after ${before?.attempt} with a smaller token`,
    );
  }
  for (const { id, fate, status, stderr, durationMs } of attempts) {
    if (fate === undefined && !(disturbance !== undefined && status === LOST))
      assert.deepEqual([status, stderr], [0, ''], `${id} was left alone for ${durationMs} ms and must succeed`);
  }

  const victims = attempts.filter(({ fate }) => fate !== undefined);
  assert.deepEqual(
    victims.map(({ fate, status }) => [fate, status]).toSorted(),
    [
      ['frozen past its ttl', 76],
      ['killed alone', null],
      ['killed with its command', null],
    ],
    `the killed ones die, and the frozen one says that it lost the lock; they said ${JSON.stringify(victims)}`,
  );
  const orphan = victims.find(({ fate }) => fate === 'killed alone')?.id;
  const late = lines.find(({ kind, attempt }) => kind === 'write' && attempt === orphan);
  assert.equal(late?.accepted, false, 'the command that outlived its holder tries to write, and its token is spent');
  for (const { id } of victims.filter(({ fate }) => fate !== 'killed alone')) {
    assert.ok(
      !lines.some(({ kind, attempt }) => kind === 'write' && attempt === id),
      `${id} was ended before it could write`,
    );
  }
  const left = entries.flatMap(({ pids }) => pids).filter(isAlive);
  assert.deepEqual(left, [], 'no process is left behind');
}
