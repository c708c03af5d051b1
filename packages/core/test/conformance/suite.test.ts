import { createLocks } from '@holdfast/core';
import type { LockBackend } from '@holdfast/core';
import { cases, describeConformance, runConformance, urlSubject } from '@holdfast/core/conformance';
import type { CaseResult, Peer, PeerSource, Subject } from '@holdfast/core/conformance';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ReferenceBackend } from './reference/backend.ts';
import { ReferenceServer } from './reference/server.ts';
import { compilePeer } from './reference/subject.ts';

const compiled = await compilePeer();
let server: ReferenceServer;
beforeAll(async () => {
  server = await ReferenceServer.start();
});
afterAll(async () => {
  await server.stop();
  await compiled.remove();
});

/** The reference, with a manifest that claims less. */
function modest(claims: Partial<LockBackend['capabilities']>): Subject {
  const open = (): Promise<Awaited<ReturnType<typeof createLocks>>> => {
    const backend = new ReferenceBackend(server.address);
    return createLocks(
      Object.assign(Object.create(backend) as LockBackend, bound(backend), {
        capabilities: { ...backend.capabilities, ...claims },
      }),
    );
  };
  return { name: 'modest', open, peers: { kind: 'process', data: () => undefined } };
}

function bound(backend: ReferenceBackend): Partial<LockBackend> {
  return {
    acquire: (request) => backend.acquire(request),
    release: (grant) => backend.release(grant as never),
    close: () => backend.close(),
    query: (name) => backend.query(name),
  };
}

const steals = cases.filter(({ id }) => id === 'steal/free-lock' || id === 'waiting/woken');

describe('the suite', () => {
  test('has unique ids of the form group/behaviour, and titles', () => {
    expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
    for (const { id, title } of cases) {
      expect(id).toMatch(/^[a-z-]+\/[a-z0-9-]+$/);
      expect(title.length).toBeGreaterThan(15);
    }
  });

  test('expects a refusal of what the manifest lacks, and lists what nobody could ask for', async () => {
    const seen: CaseResult[] = [];
    const report = await runConformance(modest({ steal: false, wakeup: 'poll' }), {
      cases: steals,
      onResult: (result) => seen.push(result),
    });
    expect(report.results.map(({ id, outcome }) => ({ id, outcome }))).toEqual([
      { id: 'steal/free-lock', outcome: 'refused' },
    ]);
    expect(report.absent).toEqual([{ id: 'waiting/woken', lacks: ['push'] }]);
    expect(seen).toEqual(report.results);
  });

  test('reports why a case failed', async () => {
    const failing = {
      id: 'own/case',
      title: 'a case that fails',
      requires: [],
      run: () => Promise.reject(new Error('the reason')),
    };
    const { results } = await runConformance(modest({}), { cases: [failing] });
    expect(results).toMatchObject([{ outcome: 'failed', error: { message: 'the reason' } }]);
  });

  test('fails a case that passes but leaves something behind', { timeout: 30_000 }, async () => {
    const forgetful = new ReferenceBackend(server.address, { takesBack: false });
    const litter: (typeof cases)[number] = {
      id: 'own/litter',
      title: 'a case that leaves a lock with a client of its own',
      requires: ['query'],
      run: async (ctx) =>
        void (await (await createLocks(forgetful)).acquire(ctx.name(), { renew: false, ttl: 60_000 })),
    };
    const { results } = await runConformance(modest({}), { cases: [litter] });
    expect(results[0]?.outcome).toBe('failed');
    expect(results[0]?.error?.message).toMatch(/left something behind: "conformance .*" is held by/);
    await forgetful.close();
  });

  test('leaves no peer of a case that failed while the peer was being started', { timeout: 30_000 }, async () => {
    let started: Promise<Peer> | undefined;
    const hasty: (typeof cases)[number] = {
      id: 'own/hasty',
      title: 'a case that fails at once, while its peer is on its way',
      requires: [],
      run: (ctx) => {
        started = ctx.peer();
        return Promise.all([started, Promise.reject(new Error('at once'))]).then(() => undefined);
      },
    };
    const peers: PeerSource = {
      kind: 'process',
      module: compiled.module,
      data: () => ({ address: server.address, habits: {} }),
    };
    const { results } = await runConformance({ ...modest({}), peers }, { cases: [hasty] });
    expect(results[0]?.error?.message).toBe('at once');
    expect(await (await started)?.gone).toMatch(/ended with SIGKILL/);
  });

  test('defines one test per case that applies, with a limit of its own', async () => {
    const titles: string[] = [];
    await describeConformance(modest({ steal: false, reach: 'host' }), {
      describe: (_, define) => define(),
      test: (title, _, timeoutMs) => {
        titles.push(title);
        expect(timeoutMs).toBeGreaterThan(20_000);
      },
    });
    const absent = cases.filter(({ requires: r }) => r.includes('network') || r.includes('on-disconnect')).length;
    expect(titles.length).toBe(cases.length - absent);
    expect(titles).toContain('steal/free-lock: refuses steal');
  });
});

describe('urlSubject', () => {
  test.each([
    ['redis://localhost', { host: 'localhost', port: 6379 }],
    ['redis://user:p%40ss@10.0.0.1:7000/2?x=1', { host: '10.0.0.1', port: 7000 }],
    ['rediss://[::1]:7001', { host: '::1', port: 7001 }],
    ['file:///var/lock/app', undefined],
  ])('finds the server of %s', (url, server) => {
    expect(urlSubject(url).server).toEqual(server);
  });

  test('leads peers through the proxy by changing host and port alone', () => {
    const via = { host: '127.0.0.1', port: 5555 };
    expect(urlSubject('redis://user:p%40ss@10.0.0.1:7000/2?x=1').peers.data(via)).toBe(
      'redis://user:p%40ss@127.0.0.1:5555/2?x=1',
    );
    expect(urlSubject('postgres://db/app').peers.data(via)).toBe('postgres://127.0.0.1:5555/app');
    expect(urlSubject('redis://h').peers.data()).toBe('redis://h');
  });

  test('refuses what is no URL', () => {
    expect(() => urlSubject('not a url')).toThrow(/Expected the URL/);
  });
});
