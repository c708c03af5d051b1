import { createLocks } from '@holdfast/core';
import type { Locks } from '@holdfast/core';
import { startServer } from '@holdfast/testbed';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';

describe('over TLS', () => {
  let url: string;
  let ca: string;

  beforeAll(async () => {
    const server = await startServer('postgres', { tls: true, password: 'secret' });
    [url, ca] = [server.url.replace('sslmode=require', ''), server.ca ?? ''];
    return () => server.stop();
  });

  const open = async (backend: string, options = {}): Promise<Locks> => {
    const locks = await createLocks({ backend, options });
    onTestFinished(() => locks.close());
    return locks;
  };

  test('with the authority of the server given', async () => {
    const locks = await open(url, { tls: { ca } });
    await (await locks.acquire('a')).release();
  });

  test('from anybody, if that is asked for', async () => {
    const locks = await open(`${url}sslmode=require`);
    await (await locks.acquire('a')).release();
  });

  test('a server that nobody vouches for is refused', async () => {
    const locks = await open(`${url}sslmode=verify-full`);
    await expect(locks.acquire('a')).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  });

  test('a server that takes no other connections refuses those', async () => {
    const locks = await open(url);
    await expect(locks.acquire('a')).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  });
});
