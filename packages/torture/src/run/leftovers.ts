import { setTimeout as sleep } from 'node:timers/promises';
import type { Locks } from '@holdfast/core';
import type { Network } from '../arena/network.ts';
import type { NameSpec } from '../client/spec.ts';

const ASK_EVERY_MS = 100;

/** Waits until nothing is left, but no longer than the last dead client's ttl can take; then says what is. */
export async function findLeftovers(
  locks: Locks,
  names: readonly NameSpec[],
  network: Network | undefined,
  withinMs: number,
): Promise<string[]> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const left = [...(await entries(locks, names)), ...connections(network)];
    if (left.length === 0 || performance.now() > deadline) return left;
    await sleep(ASK_EVERY_MS);
  }
}

async function entries(locks: Locks, names: readonly NameSpec[]): Promise<string[]> {
  if (!locks.capabilities.query) return [];
  const left: string[] = [];
  for (const { name } of names) {
    const { held, pending } = await locks.query(name);
    for (const info of held) left.push(`${JSON.stringify(name)} is still held by process ${info.pid}`);
    for (const info of pending) left.push(`process ${info.pid} still waits for ${JSON.stringify(name)}`);
  }
  return left;
}

function connections(network: Network | undefined): string[] {
  const open = network?.connections ?? 0;
  return open === 0 ? [] : [`${open} connections of clients that have ended are still open`];
}
