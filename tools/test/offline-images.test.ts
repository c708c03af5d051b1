import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import images from '../../packages/testbed/images.json' with { type: 'json' };
import { freeBlock } from '../offline-images/bridge.mjs';
import { fingerprint } from '../offline-images/fingerprint.mjs';
import { standIns } from '../offline-images/stand-ins.mjs';

const run = promisify(execFile);
const directory = new URL('../offline-images/', import.meta.url);

test('every image that the tests and docker-compose.yml use has a stand-in', () => {
  expect(Object.keys(standIns).toSorted()).toEqual(Object.keys(images).toSorted());
});

test('an image that has an entrypoint has its script', () => {
  const entered = Object.entries(standIns).filter(([, { config }]) =>
    config.includes('ENTRYPOINT ["docker-entrypoint.sh"]'),
  );
  const without = entered.filter(
    ([name]) => !existsSync(new URL(`rootfs/${name}/usr/local/bin/docker-entrypoint.sh`, directory)),
  );
  expect(without).toEqual([]);
});

test('the scripts in the images can be parsed', async () => {
  const scripts = readdirSync(new URL('rootfs/', directory), { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !/\.(conf|xml)$/.test(entry.name),
  );
  expect(scripts.length).toBeGreaterThan(0);
  await Promise.all(scripts.map(({ parentPath, name }) => run('bash', ['-n', `${parentPath}/${name}`])));
});

test('stand-ins that differ have fingerprints that differ, and one has always the same', () => {
  const all = Object.keys(standIns).map(fingerprint);
  expect(new Set(all).size).toBe(all.length);
  expect(Object.keys(standIns).map(fingerprint)).toEqual(all);
});

test('a name that is none is refused, with those that are', async () => {
  const main = new URL('main.mjs', directory).pathname;
  const failed = run(process.execPath, [main, 'reddis']);
  await expect(failed).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('redis') as string });
});

test('without an engine the message says what to do', async () => {
  const main = new URL('main.mjs', directory).pathname;
  const env = { ...process.env, DOCKER_HOST: 'unix:///nowhere/docker.sock' };
  const stderr = expect.stringContaining('node tools/offline-images/engine.mjs -- ') as string;
  await expect(run(process.execPath, [main, 'redis'], { env })).rejects.toMatchObject({ code: 1, stderr });
});

test('an engine of our own gets addresses for which there is no route', () => {
  const row = (destination: string, mask: string) => `eth0\t${destination}\t00000000\t0001\t0\t0\t0\t${mask}\t0\t0\t0`;
  const table = (...rows: string[]) => ['Iface\tDestination', row('00000000', '00000000'), ...rows, ''].join('\n');
  expect(freeBlock(table())).toMatchObject({ address: '10.250.0.1/24', pool: '10.250.128.0/17' });
  expect(freeBlock(table(row('0003FA0A', '00FFFFFF')))).toMatchObject({ address: '10.249.0.1/24' });
  expect(freeBlock(table(row('0000F80A', '0000FEFF')))).toMatchObject({ address: '10.250.0.1/24' });
  expect(() => freeBlock(table(row('0000000A', '000000FF')))).toThrow('has a route for every network');
});
