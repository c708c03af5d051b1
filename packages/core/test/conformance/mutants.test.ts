import { cases, runConformance } from '@holdfast/core/conformance';
import { afterAll, describe, expect, test } from 'vitest';
import { caughtBy } from './caught-by.ts';
import { mutants } from './reference/mutants.ts';
import { compilePeer, startReference } from './reference/subject.ts';

const peer = await compilePeer();
afterAll(() => peer.remove());

describe('the suite catches each backend that has one thing wrong', () => {
  test('the list names every mutant, and cases that exist', () => {
    expect(Object.keys(caughtBy).toSorted()).toEqual(mutants.map(({ name }) => name).toSorted());
    const known = cases.map(({ id }) => id);
    expect(
      Object.values(caughtBy)
        .flat()
        .filter((id) => !known.includes(id)),
    ).toEqual([]);
  });

  test.each(mutants)('one that $name', { timeout: 60_000 }, async ({ name, rules, habits }) => {
    const listed: readonly string[] = caughtBy[name] ?? [];
    await using reference = await startReference(name, peer.module, rules?.(), habits);
    const { results } = await runConformance(reference.subject, {
      cases: cases.filter(({ id }) => listed.includes(id)),
    });
    expect(results.length).toBeGreaterThan(0);
    expect(results.map(({ id, outcome }) => `${id} ${outcome}`).toSorted()).toEqual(
      listed.map((id) => `${id} failed`).toSorted(),
    );
  });
});
