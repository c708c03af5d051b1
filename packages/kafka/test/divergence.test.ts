/** A client that was cut off comes back to a log that is not the one it has folded, and that has gone further by then. */
import { once } from 'node:events';
import { FaultProxy } from '@holdfast/core/conformance';
import { sharedServer, startKafkaCluster } from '@holdfast/testbed';
import { expect, onTestFinished, test } from 'vitest';
import { administer, freshTopic, hostOf, open, rawClient } from './broker.ts';

test('a topic that was deleted and made anew behind its back: its hold is lost, and it holds nothing that others hold', async () => {
  const { url } = await sharedServer('kafka');
  const hosts = hostOf(url);
  const topic = freshTopic();
  const { hostname: host, port } = new URL(url);
  const proxy = await FaultProxy.start({ host, port: Number(port) });
  onTestFinished(() => proxy.close());
  const away = await open({
    hosts: `127.0.0.1:${proxy.address.port}`,
    viaBootstrap: true,
    topic,
    partitions: 1,
    patience: '20s',
  });
  const mine = await away.acquire('mine', { ttl: '90s' });
  expect(await away.tryAcquire('mine')).toBeNull();
  const waiting = away.acquire('mine');
  await expect.poll(async () => (await away.query('mine')).pending.length).toBe(1);

  await proxy.refuse();
  await administer(rawClient(url), (admin) => admin.deleteTopics({ topics: [topic] }));
  const others = await open({ hosts, topic, partitions: 1, patience: '20s' });
  const theirs = await others.acquire('theirs', { ttl: '90s' });
  for (let i = 0; i < 20; i += 1) await others.request(`filler ${i}`, () => undefined);
  await proxy.restore();

  expect(await away.tryAcquire('theirs')).toBeNull();
  if (!mine.signal.aborted) await once(mine.signal, 'abort');
  // Who waited there has its place again.
  const next = await waiting;
  expect(next.fencingToken).toBeGreaterThan(mine.fencingToken);
  expect(await others.tryAcquire('mine')).toBeNull();
  await theirs.release();
  expect((await away.acquire('theirs')).fencingToken).toBeGreaterThan(theirs.fencingToken);
}, 60_000);

test('an unclean election that takes records back: what they granted is lost at once, what came before is kept', async () => {
  await using cluster = await startKafkaCluster();
  const [leader, follower] = cluster.members;
  if (leader === undefined || follower === undefined) throw new Error('no cluster');
  const topic = freshTopic();
  const settings = {
    'message.timestamp.type': 'LogAppendTime',
    'unclean.leader.election.enable': 'true',
    'min.insync.replicas': '1',
  };
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  await administer(rawClient(cluster.url), (admin) =>
    admin.createTopics({
      topics: [{ topic, replicaAssignment: [{ partition: 0, replicas: [1, 2] }], configEntries }],
    }),
  );
  const options = {
    hosts: cluster.url.replace(/^kafka:\/\//, '').split(','),
    topic,
    partitions: 1,
    patience: '40s',
  };
  const [holder, other, late] = [await open(options), await open(options), await open(options)];
  const kept = await holder.acquire('kept', { ttl: '90s' });
  await follower.pause();
  // The leader goes on alone once the follower is out of the set of replicas in sync; what comes up to then may lie in its socket.
  await holder.request('filler', () => undefined);
  const lost = await holder.acquire('lost', { ttl: '90s' });
  expect(await other.tryAcquire('lost')).toBeNull();
  await leader.kill();
  // Waiting for whoever leads next: the log has gone further before anybody looks for what was behind the end.
  const fillers = Array.from({ length: 20 }, (_, i) => late.request(`filler ${i}`, () => undefined));
  await follower.resume();
  await Promise.all(fillers);
  const now = await late.acquire('lost', { ttl: '90s' });
  expect(now.fencingToken).toBeGreaterThan(lost.fencingToken);
  if (!lost.signal.aborted) await once(lost.signal, 'abort');
  expect(await other.tryAcquire('lost')).toBeNull();
  expect(await other.tryAcquire('kept')).toBeNull();
  await kept.renew();
  expect(kept.held).toBe(true);
}, 180_000);
