import { createLocks, quorum, redactUrl } from '@holdfast/core';
import type { LockBackend, QuorumMember } from '@holdfast/core';
import { memory } from '@holdfast/memory';
import { expect, test } from 'vitest';

const other = (name: string): LockBackend => memory({ name });

test.each<[what: string, members: readonly QuorumMember[], message: RegExp]>([
  ['two members', [other('a'), other('b')], /at least 3 members/],
  ['one', [other('a')], /at least 3/],
  ['none', [], /at least 3/],
  ['the same URL twice', ['memory:a', 'memory:b', 'memory:a'], /number 3 is there twice/],
  ['the same backend twice', [...twice(other('a')), other('b')], /number 2 is there twice/],
  ['the same config twice', [...twice({ backend: 'memory', options: { name: 'a' } }), 'memory:b'], /number 2/],
  ['two equal configs', [named('a'), named('b'), named('a')], /number 3 is there twice/],
  ['what is none', ['memory:a', 'memory:b', { backend: 'memory', ttl: 5 } as never], /each member of a quorum/],
  ['no URL', ['memory:a', 'memory:b', 'nonsense nonsense'], /URL/],
  ['one server', ['redis://a', 'redis://b', 'redis://A:6379/1'], /redis:\/\/A:6379\/1 leads to the same/],
  ['one server with TLS', ['redis://a:7000', 'redis://b', 'rediss://a:7000'], /leads to the same/],
  ['names of this host', ['redis://localhost', 'redis://127.0.0.1', 'redis://b'], /leads to the same/],
  ['one config and its URL', [{ backend: 'redis', options: { url: 'redis://a' } }, 'redis://a', 'redis://b'], /same/],
])('%s is refused', async (_what, members, message) => {
  await expect(quorum(members)).rejects.toMatchObject({ code: 'CONFIG', message: expect.stringMatching(message) });
});

function twice<T>(value: T): [T, T] {
  return [value, value];
}

function named(name: string): QuorumMember {
  return { backend: 'memory', options: { name } };
}

test('an error shows no password of a member, nor does a URL that is shown', async () => {
  const members = ['redis://user:hush@a', 'redis://b', 'redis://user:hush@a'];
  expect(redactUrl(`quorum:${members.join(',')}`)).toBe('quorum://***');
  for (const attempt of [quorum(members), createLocks(`quorum:${members.join(',')}`)]) {
    await expect(attempt).rejects.toMatchObject({ message: expect.not.stringContaining('hush') });
  }
});

test('a backend that cannot vote is refused, and the others are closed', async () => {
  const closed: string[] = [];
  const watched = (name: string, votes: boolean): LockBackend => {
    const inner: LockBackend = memory({ name });
    return {
      name,
      capabilities: inner.capabilities,
      acquire: (request) => inner.acquire(request),
      release: (grant) => inner.release(grant),
      close: async () => void closed.push(name),
      ...(votes && inner.voting !== undefined ? { voting: inner.voting } : {}),
    };
  };
  await expect(quorum([watched('a', true), watched('b', true), watched('mute', false)])).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: expect.stringContaining('The mute backend'),
  });
  expect(closed.toSorted()).toEqual(['a', 'b', 'mute']);
});

test('the manifest is what the weakest member promises', async () => {
  await using locks = await createLocks('quorum:memory:x,memory:y,memory:z');
  expect(locks.backend).toBe('quorum');
  expect(locks.capabilities).toMatchObject({ modes: ['exclusive'], wakeup: 'poll', fifo: false, reach: 'process' });
  await (await locks.acquire('a')).release();
});

test('a quorum takes no options beside its members', async () => {
  const config = { backend: 'quorum:memory:x,memory:y,memory:z', options: { majority: 1 } };
  await expect(createLocks(config)).rejects.toMatchObject({ code: 'CONFIG' });
});
