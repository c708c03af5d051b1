/**
 * `npm test [-- vitest arguments]`: sets up, starts the servers that the tests share, runs every project whose servers are
 * there, and ends with the line `N passed, N failed`.
 *
 * A server that can't be started is named with the reason; with CI=true it is a failure, unless only `optional` projects need
 * it: other versions of a server that come from a release of Debian that changes from day to day.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { COUNTS_FD } from './count-reporter.mjs';
import { main, readJson, root } from './run.mjs';
import { setup } from './setup.mjs';

async function test(vitestArguments) {
  await setup();
  const { startShared } = await import('../packages/testbed/dist/index.js');
  const projects = readJson('tools/projects.json');
  const shared = await startShared([...new Set(projects.flatMap((project) => project.servers ?? []))]);
  const { servers, unavailable } = shared;
  const started = new Set(servers.map((server) => server.name));
  const runnable = projects.filter((project) => (project.servers ?? []).every((name) => started.has(name)));

  const counts = await runVitest(runnable, vitestArguments);
  await shared.stop();

  printServers(servers, unavailable, projects);
  for (const failure of counts.failures) console.log(`Failed: ${failure}`);
  const required = new Set(projects.flatMap(({ servers: needed = [], optional }) => (optional ? [] : needed)));
  const missing = unavailable.filter(({ server }) => required.has(server));
  const { passed, failed } = judge(counts, vitestArguments, missing);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function runVitest(projects, vitestArguments) {
  const chosen = vitestArguments.some((argument) => argument.startsWith('--project'));
  const names = chosen ? [] : projects.map(({ name }) => `--project=${name}`);
  const reporters = ['--reporter=default', '--reporter=./tools/count-reporter.mjs'];
  const args = ['node_modules/vitest/vitest.mjs', 'run', ...names, ...reporters, ...vitestArguments];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['inherit', 'inherit', 'inherit', 'pipe'] });
  let counts = '';
  child.stdio[COUNTS_FD].on('data', (chunk) => (counts += chunk));
  const status = await untilClosed(child);
  if (counts !== '') return { ...JSON.parse(counts), status };
  console.error('The test run ended before it reported anything.');
  return { passed: 0, failed: 1, skipped: 0, failures: [], status };
}

/** Its exit status. A signal that ends us ends the child first, so that it can end its own. */
async function untilClosed(child) {
  let interrupted;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      interrupted = signal;
      // The terminal's Ctrl-C reaches the child by itself.
      if (signal !== 'SIGINT') child.kill(signal);
    });
  }
  const [status] = await once(child, 'close');
  if (interrupted !== undefined) process.exit(128 + constants.signals[interrupted]);
  return status;
}

/** What counts as failed beyond the tests that did. */
function judge({ passed, failed, skipped, status }, vitestArguments, unavailable) {
  const reasons = [];
  if (passed + failed === 0) reasons.push('no test was run');
  // With a filter by name the others are skipped; without one every test must run.
  if (skipped > 0 && vitestArguments.length === 0) reasons.push(...Array(skipped).fill('a test was skipped'));
  if (process.env.CI === 'true') reasons.push(...unavailable.map(({ server }) => `${server} must run when CI=true`));
  if (status !== 0 && failed + reasons.length === 0) reasons.push(`vitest ended with status ${status}`);
  for (const reason of new Set(reasons)) console.log(`Failed: ${reason}`);
  return { passed, failed: failed + reasons.length };
}

function printServers(servers, unavailable, projects) {
  console.log('server           source      version');
  for (const { name, source, version } of servers) console.log(`${name.padEnd(16)} ${source.padEnd(11)} ${version}`);
  for (const { server, reasons } of unavailable) {
    const left = projects.filter((project) => project.servers?.includes(server)).map(({ name }) => name);
    console.log(`${server.padEnd(16)} NOT RUN     ${reasons.join('; ')} (left out: ${left.join(', ')})`);
  }
  console.log('');
}

await main(() => test(process.argv.slice(2)));
