import { describe, test } from 'node:test';
import { describeConformance } from '@holdfast/core/conformance';
import type { Address, Subject } from '@holdfast/core/conformance';
import { open } from './open.ts';

const server = new URL(process.env['VALKEY_URL'] ?? 'redis://localhost:6379');

function url(via?: Address): string {
  return via === undefined ? server.href : `redis://${via.host}:${via.port}`;
}

const subject: Subject = {
  name: 'valkey',
  server: { host: server.hostname, port: Number(server.port) },
  open: (via) => open(url(via)),
  peers: { kind: 'process', data: url, module: new URL('open.js', import.meta.url).href },
};

await describeConformance(subject, {
  describe,
  test: (title, run, timeout) => test(title, { timeout }, run),
});
