/**
 * `node tools/check-containers.mjs [names]`: what only a Docker engine can show. Every server of the testbed, and every
 * cluster, is started in containers, killed, started again, frozen, and emptied; an image that can't be had is told as such.
 */
import { CommandError, main } from './run.mjs';

const testbed = await import('../packages/testbed/dist/index.js');
const { provideImage } = await import('../packages/testbed/dist/sources/image.js');
const source = 'container';

const clusters = {
  'etcd cluster': () => testbed.startEtcdCluster({ source }),
  'consul cluster': () => testbed.startConsulCluster({ source }),
  'rabbitmq cluster': () => testbed.startRabbitmqCluster({ source }),
  'kafka cluster': () => testbed.startKafkaCluster({ source }),
  'redis sentinel': () => testbed.startRedisSentinel({ source }),
  'redis cluster': () => testbed.startRedisCluster({ source }),
};

const checks = {
  ...Object.fromEntries(testbed.serverNames.map((name) => [name, () => checkServer(name)])),
  pgbouncer: checkPgBouncer,
  ...Object.fromEntries(Object.entries(clusters).map(([name, start]) => [name, () => checkCluster(start)])),
  'missing image': checkMissingImage,
};

function checkServer(name) {
  return during(testbed.startServer(name, { source }), hurt);
}

/** What `use` makes of it; then it is gone. */
async function during(start, use) {
  const started = await start;
  try {
    return await use(started);
  } finally {
    await started[Symbol.asyncDispose]();
  }
}

/** `startServer` and `restart` resolve once the server answers in its own protocol: that is what is checked. */
async function hurt(server) {
  await server.kill();
  await server.restart();
  await server.pause();
  await server.resume();
  await server.restart({ empty: true });
  return about(server);
}

function checkPgBouncer() {
  return during(testbed.startServer('postgres', { source }), (postgres) =>
    during(testbed.startPgBouncer(postgres.url, { source }), hurt),
  );
}

function checkCluster(start) {
  return during(start(), async ({ members }) => {
    for (const member of members) {
      await member.kill();
      await member.restart();
    }
    return `${members.length} of ${about(members[0])}`;
  });
}

async function checkMissingImage() {
  const image = 'holdfast.invalid/no-such-image:1';
  const message = await provideImage(image).then(
    () => 'there is one',
    (error) => error.message,
  );
  for (const part of [image, 'docker pull', 'npm run offline-images'])
    if (!message.includes(part)) throw new CommandError(`A missing image was told as: ${message}`);
  return message;
}

function about({ version, image, standIn }) {
  return `${version}, ${image}${standIn ? ' (stand-in)' : ''}`;
}

async function check(names) {
  for (const name of names) if (checks[name] === undefined) throw new CommandError(`There is no check of ${name}`);
  let failed = 0;
  for (const [name, run] of Object.entries(checks)) {
    if (names.length > 0 && !names.includes(name)) continue;
    const startedAt = performance.now();
    const told = await run().catch((error) => {
      failed += 1;
      return `FAILED ${error.message}`;
    });
    console.log(`${name.padEnd(16)} ${told} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
  }
  return failed === 0 ? 0 : 1;
}

await main(() => check(process.argv.slice(2)));
