import { describe, expect, test } from 'vitest';
import { explore } from '../dist/model/explore.js';
import { broken, sound } from '../dist/model/protocol.js';
import { scopes } from '../dist/model/scopes.js';

describe("no interleaving breaks the protocol of core's queue", () => {
  test.each(Object.entries(scopes))('%s', (_, scope) => {
    const { states, counterexample } = explore(scope, sound);
    expect(counterexample).toBeUndefined();
    // Else the scope has become too small to mean anything.
    expect(states).toBeGreaterThan(10_000);
  });
});

describe('a broken protocol is found out', () => {
  /** Where, and by what. */
  const findings: Readonly<Record<string, readonly [scope: string, promise: RegExp]>> = {
    'release without a check of the owner': ['within the time to confirm', /hold at once/],
    'token by the order of requests': ['a thief', /was granted after/],
    'tokens start over when the queue is empty': ['within the time to confirm', /was granted after/],
    'no time to confirm: a waiter that died holds forever': ['beyond a ttl', /stays in the queue for ever/],
    'a pushed grant counts from its receipt': ['within the time to confirm', /hold at once/],
    'the deadline counts from the answer': ['beyond a ttl', /hold at once/],
    'no deadline of the holder: it waits for bad news': ['within the time to confirm', /hold at once/],
    'a late renewal brings an expired hold back': ['within the time to confirm', /hold at once/],
    'the register does not check tokens': ['all that one can do', /stale write/],
  };

  test.each(Object.entries(broken))('%s', (variant, protocol) => {
    const [part = '', promise = /never/] = findings[variant] ?? [];
    const scope = Object.entries(scopes).find(([name]) => name.includes(part))?.[1];
    if (scope === undefined) throw new Error(`No scope is named for ${variant}`);
    expect(explore(scope, protocol).counterexample?.at(-1)).toMatch(promise);
  });
});
