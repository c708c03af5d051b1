import { snapshot } from '@holdfast/core/adapter';
import type { Habits } from './habits.ts';
import { queueMutants, resurrecting } from './queue-mutants.ts';
import type { Rules } from './server.ts';

/** The reference backend with one thing wrong. */
export interface Mutant {
  readonly name: string;
  readonly rules?: () => Partial<Rules>;
  readonly habits?: Partial<Habits>;
}

const ofQueue: readonly Mutant[] = Object.entries(queueMutants).map(([name, make]) => ({
  name,
  rules: () => ({ apply: make() }),
}));

const ofServer: readonly Mutant[] = [
  { name: 'does not tell who is stolen from', rules: () => ({ tells: (reason) => reason !== 'stolen' }) },
  { name: 'folds case in names', rules: () => ({ lockOf: (name) => name.toLowerCase() }) },
  { name: 'trims names', rules: () => ({ lockOf: (name) => name.trim() }) },
  { name: 'normalizes names', rules: () => ({ lockOf: (name) => name.normalize() }) },
  { name: 'cuts names off', rules: () => ({ lockOf: (name) => name.slice(0, 255) }) },
  {
    name: 'shows no waiters',
    rules: () => ({ snapshot: (name, state) => ({ ...snapshot(name, state), pending: [] }) }),
  },
  {
    name: 'shows waiters in another order',
    rules: () => ({
      snapshot: (name, state) => ({ ...snapshot(name, state), pending: snapshot(name, state).pending.toReversed() }),
    }),
  },
];

const ofClient: readonly Mutant[] = [
  { name: 'counts validity from the answer', habits: { countsFromAnswer: true } },
  { name: 'leaves an aborted request in the queue', habits: { takesBack: false } },
  { name: 'does not renew', habits: { renews: false } },
  {
    name: 'goes on renewing after the release',
    rules: () => ({ apply: resurrecting() }),
    habits: { renewsForever: true },
  },
  { name: 'takes a failed renewal for a success', habits: { takesFailureForRenewal: true } },
  { name: 'takes a lost connection for a lost lock', habits: { takesDisconnectForLoss: true } },
  {
    name: 'takes the message of a grant for the grant',
    // Or the message of its end, right behind it, would put things right.
    rules: () => ({ tells: (reason) => reason !== 'expired' }),
    habits: { confirms: false },
  },
  { name: 'forgets its waits when the connection ends', habits: { reenters: false } },
  { name: 'does not tell that it waits', habits: { tellsContended: false } },
  { name: 'leaves its connection open', habits: { closesConnection: false } },
  { name: 'keeps an idle process alive', habits: { keepsProcessAlive: true } },
  { name: 'polls', habits: { pollsMs: 300 } },
  { name: 'has a ttl of its own', habits: { ttlMs: 30_000 } },
];

export const mutants: readonly Mutant[] = [...ofQueue, ...ofServer, ...ofClient];
