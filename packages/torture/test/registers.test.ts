import { startServer } from '@holdfast/testbed';
import type { RunningServer } from '@holdfast/testbed';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Registers } from '../dist/register/registers.js';

let server: RunningServer;
let registers: Registers;

beforeAll(async () => {
  server = await startServer('redis');
  registers = new Registers(server.url);
});

afterAll(async () => {
  registers.close();
  await server.stop();
});

test('the fenced register refuses who is older than one that it served, from the read on', async () => {
  const [older, newer] = [9n, 10n].map((token) => ({ name: 'fenced', op: `token ${token}`, token }));
  if (older === undefined || newer === undefined) throw new Error('Expected two');
  await registers.read('fenced', older);
  expect(await registers.write('fenced', older, 0, 1)).toMatchObject({ accepted: true, value: 1 });
  expect(await registers.read('fenced', newer)).toMatchObject({ accepted: true, value: 1 });
  // Before the newer one has written anything: its read was enough.
  expect(await registers.write('fenced', older, 1, 2)).toMatchObject({ accepted: false, value: 1 });
  expect(await registers.write('fenced', newer, 1, 2)).toMatchObject({ accepted: true, value: 2 });
});

test('tokens are compared to the last of their 63 bits', async () => {
  const token = 2n ** 63n - 1n;
  await registers.read('fenced', { name: 'large', op: 'a', token });
  expect(await registers.read('fenced', { name: 'large', op: 'b', token: token - 1n })).toMatchObject({
    accepted: false,
  });
  expect(await registers.read('fenced', { name: 'large', op: 'c', token })).toMatchObject({ accepted: true });
});

test('the unfenced register takes everything, and both keep a log', async () => {
  const before = (await registers.log()).length;
  const who = { name: 'unfenced', op: 'a', token: 5n };
  await registers.write('unfenced', who, 0, 1);
  const last = await registers.write('unfenced', { ...who, op: 'b', token: 4n }, 0, 1);
  expect(last).toEqual({ accepted: true, value: 1, index: before + 1 });
  expect((await registers.log()).slice(before)).toEqual(
    [who, { ...who, op: 'b', token: 4n }].map(({ name, op, token }) => ({
      name,
      register: 'unfenced',
      action: 'write',
      token: String(token).padStart(19, '0'),
      op,
      base: 0,
      value: 1,
      accepted: true,
    })),
  );
});
