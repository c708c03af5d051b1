/**
 * `node tools/check-compose.mjs [service…]`: starts all of docker-compose.yml, or these services, waits until all are healthy,
 * and asks `holdfast doctor` about the URL that the file gives for each. On free ports, as a project of its own, of which
 * nothing is left.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { composeCommand } from './offline-images/compose.mjs';
import { checkEngine, labelOf } from './offline-images/docker.mjs';
import { LABEL, standIns } from './offline-images/stand-ins.mjs';
import { CommandError, main, quietly, readJson, root } from './run.mjs';

const HEALTHY_SECONDS = 240;
const DOCTOR_TIMEOUT_MS = 60_000;
/** A pool of transactions cannot keep a session: that is what its doctor must say. */
const REFUSED = { pgbouncer: 'A connection pooler stands between' };

async function check(services) {
  // It reaches what we wait for as well, which then fails; and so nothing is left of the project.
  process.on('SIGINT', () => undefined);
  await checkEngine();
  const [command, ...before] = await composeCommand();
  const env = { ...process.env, ...(await freePorts()) };
  const project = ['--project-name', `holdfast-check-${process.pid}`, '--profile', 'all'];
  const compose = (...args) => quietly(command, [...before, ...project, ...args], { env });

  const { services: configured } = JSON.parse(await compose('config', '--format', 'json'));
  const names = services.length > 0 ? services : await available(configured);
  const tried = async (what, concerned, step) => {
    try {
      await timed(what, step);
    } catch (error) {
      console.log(await compose('ps', '--all'));
      console.log(await compose('logs', '--no-color', '--tail', '20', ...concerned));
      throw error;
    }
  };
  try {
    const up = compose('up', '--wait', '--wait-timeout', `${HEALTHY_SECONDS}`, ...names);
    await tried('all are healthy', names, up);
    for (const name of names)
      await tried(`${name}: doctor`, [name], examine(name, configured[name].labels['dev.holdfast.url']));
  } finally {
    await timed('all are gone', compose('down', '--volumes', '--timeout', '0'));
  }
}

/** All but those whose stand-in is optional, and could not be built. */
async function available(configured) {
  const names = [];
  for (const [name, { image }] of Object.entries(configured)) {
    const missing = standIns[name].optional === true && (await labelOf(image, LABEL)) === undefined;
    if (missing) console.log(`${name}: left out, there is no ${image}`);
    else names.push(name);
  }
  return names;
}

/** For every service: those of the file may be taken. */
async function freePorts() {
  const ports = Object.keys(readJson('packages/testbed/images.json')).map(async (name) => {
    const variable = `HOLDFAST_${name.replaceAll('-', '_').toUpperCase()}_PORT`;
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { variable, server };
  });
  // All at once, so that no two are the same.
  const open = await Promise.all(ports);
  const chosen = open.map(({ variable, server }) => [variable, `${server.address().port}`]);
  for (const { server } of open) server.close();
  return Object.fromEntries(chosen);
}

async function examine(name, url) {
  const doctor = quietly(process.execPath, [join(root, 'packages/cli/bin/holdfast.js'), 'doctor', url], {
    timeout: DOCTOR_TIMEOUT_MS,
  });
  const refusal = REFUSED[name];
  if (refusal === undefined) return doctor;
  const outcome = await doctor.catch((error) => error.message);
  if (!outcome.includes(refusal)) throw new CommandError(`Expected "${refusal}" of ${name}, got ${outcome}`);
}

async function timed(what, step) {
  const start = performance.now();
  await step;
  console.log(`${what} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
}

await main(() => check(process.argv.slice(2)));
