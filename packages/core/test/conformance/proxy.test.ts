import { FaultProxy } from '@holdfast/core/conformance';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

/** Long enough for whatever passes through a local proxy to have passed. */
const A_WHILE_MS = 150;

let server: Server;
let proxy: FaultProxy;
let atServer: Socket[];
let received: string;
const clients: Socket[] = [];

beforeEach(async () => {
  atServer = [];
  received = '';
  server = createServer((socket) => {
    atServer.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (data: Buffer) => {
      received += data.toString();
      socket.write(data);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = await FaultProxy.start({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
});

afterEach(async () => {
  for (const socket of [...clients.splice(0), ...atServer]) socket.destroy();
  await proxy.close();
  server.close();
});

async function client(): Promise<{ socket: Socket; echoed: () => string }> {
  const socket = connect(proxy.address);
  clients.push(socket);
  let text = '';
  socket.on('error', () => undefined);
  socket.on('data', (data: Buffer) => {
    text += data.toString();
  });
  await once(socket, 'connect');
  return { socket, echoed: () => text };
}

describe('the fault proxy', () => {
  test('passes everything on, in order, and counts', async () => {
    const { socket, echoed } = await client();
    for (const text of ['a', 'b', 'c']) socket.write(text);
    await expect.poll(echoed).toBe('abc');
    expect(proxy.connections).toBe(1);
    expect(proxy.requests).toBeGreaterThan(0);
    socket.end();
    await expect.poll(() => proxy.connections).toBe(0);
  });

  test('cut ends both sides and accepts new connections', async () => {
    const { socket, echoed } = await client();
    socket.write('a');
    await expect.poll(echoed).toBe('a');
    const ends = [once(socket, 'close'), once(atServer[0] as Socket, 'close')];
    proxy.cut();
    await Promise.all(ends);
    const again = await client();
    again.socket.write('b');
    await expect.poll(again.echoed).toBe('b');
  });

  test('blackhole passes nothing either way, closes nothing, hides the end, and delivers late', async () => {
    const { socket, echoed } = await client();
    socket.write('a');
    await expect.poll(echoed).toBe('a');
    proxy.blackhole();
    socket.write('b');
    (atServer[0] as Socket).write('x');
    await delay(A_WHILE_MS);
    expect([received, echoed(), socket.destroyed]).toEqual(['a', 'a', false]);
    const { socket: other } = await client();
    other.destroy();
    await delay(A_WHILE_MS);
    expect(atServer.every(({ destroyed }) => !destroyed)).toBe(true);
    await proxy.restore();
    await expect.poll(echoed).toBe('axb');
  });

  test('blackhole of answers lets requests through, and the other way round', async () => {
    const { socket, echoed } = await client();
    proxy.blackhole('answers');
    socket.write('a');
    await expect.poll(() => received).toBe('a');
    await delay(A_WHILE_MS);
    expect(echoed()).toBe('');
    proxy.blackhole('requests');
    await expect.poll(echoed).toBe('a');
    socket.write('b');
    await delay(A_WHILE_MS);
    expect(received).toBe('a');
  });

  test('delay holds each way back for that long', async () => {
    const { socket, echoed } = await client();
    proxy.delay(100);
    const startedAt = performance.now();
    socket.write('a');
    await expect.poll(echoed, { interval: 5 }).toBe('a');
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(195);
    proxy.delay(0);
    const again = performance.now();
    socket.write('b');
    await expect.poll(echoed, { interval: 5 }).toBe('ab');
    expect(performance.now() - again).toBeLessThan(195);
  });

  test('refuse ends connections and refuses new ones until it is restored', async () => {
    const { socket } = await client();
    const closed = once(socket, 'close');
    await proxy.refuse();
    await closed;
    const refused = connect(proxy.address);
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
    await proxy.restore();
    const again = await client();
    again.socket.write('b');
    await expect.poll(again.echoed).toBe('b');
  });
});
