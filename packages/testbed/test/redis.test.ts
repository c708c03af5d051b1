import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { startServer } from '@holdfast/testbed';
import { expect, test } from 'vitest';
import { resp } from '../src/servers/resp.ts';

const ask = async (url: string, ...command: string[]) => (await resp(url, undefined, [command]))[0];

test('answers as soon as it is handed over, and no more once stopped', async () => {
  const server = await startServer('redis');
  expect(await ask(server.url, 'PING')).toBe('PONG');
  expect(server.version).toMatch(/^\d+\.\d+\.\d+$/);
  await server.stop();
  await server.stop();
  await expect(ask(server.url, 'PING')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('several start at once, each on its own port', async () => {
  const servers = await Promise.all([1, 2, 3, 4].map(() => startServer('redis')));
  expect(new Set(servers.map(({ port }) => port)).size).toBe(4);
  for (const { url } of servers) expect(await ask(url, 'DBSIZE')).toBe('0');
  await Promise.all(servers.map((server) => server.stop()));
});

test('keeps its port and its data over a kill, and loses them when restarted empty', async () => {
  await using server = await startServer('redis');
  await ask(server.url, 'SET', 'key', 'value');
  await server.kill();
  await expect(ask(server.url, 'PING')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await server.restart();
  expect(await ask(server.url, 'GET', 'key')).toBe('value');
  await server.restart({ empty: true });
  expect(await ask(server.url, 'EXISTS', 'key')).toBe('0');
});

test('a paused server keeps its connections and answers once resumed', async () => {
  await using server = await startServer('redis');
  const socket = connect(server.port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  await server.pause();
  socket.write('PING\r\n');
  await delay(200);
  expect(answer).toBe('');
  await server.resume();
  await expect.poll(() => answer).toBe('+PONG\r\n');
  socket.destroy();
});

test('with a password it serves only those who give it', async () => {
  await using server = await startServer('redis', { password: 'p@ss: word/%' });
  const { password } = new URL(server.url);
  expect(decodeURIComponent(password)).toBe('p@ss: word/%');
  await expect(ask(server.url, 'PING')).rejects.toThrow('NOAUTH');
  expect(await resp(server.url, undefined, [['AUTH', 'p@ss: word/%'], ['PING']])).toEqual(['OK', 'PONG']);
});

test('with TLS it serves those who trust its certificate, also after a restart', async () => {
  await using server = await startServer('redis', { tls: true });
  expect(server.url).toMatch(/^rediss:/);
  expect(await resp(server.url, server.ca, [['PING']])).toEqual(['PONG']);
  await expect(ask(server.url, 'PING')).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  await server.restart({ empty: true });
  expect(await resp(server.url, server.ca, [['PING']])).toEqual(['PONG']);
});

test('takes further arguments, and says what the server said when it refuses them', async () => {
  await using server = await startServer('redis', { args: ['--maxclients', '77'] });
  expect(await ask(server.url, 'INFO', 'clients')).toContain('maxclients:77');
  await expect(startServer('redis', { args: ['--no-such-option', '1'] })).rejects.toThrow('no-such-option');
});
