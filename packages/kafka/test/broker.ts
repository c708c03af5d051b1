import { randomUUID } from 'node:crypto';
import { createLocks } from '@holdfast/core';
import type { Locks } from '@holdfast/core';
import kafkajs from 'kafkajs';
import type { Admin, Kafka } from 'kafkajs';
import { onTestFinished } from 'vitest';
import { kafka } from '@holdfast/kafka';
import type { KafkaOptions } from '@holdfast/kafka';

export function hostOf(url: string): string {
  return new URL(url).host;
}

/** A topic of the test's own. */
export function freshTopic(): string {
  return `test-${randomUUID()}`;
}

/** Closed at the end of the test. */
export async function open(options: KafkaOptions): Promise<Locks> {
  const locks = await createLocks(kafka(options));
  onTestFinished(() => locks.close());
  return locks;
}

export function rawClient(url: string, login?: { readonly username: string; readonly password: string }): Kafka {
  return new kafkajs.Kafka({
    brokers: url
      .replace(/^kafka:\/\/(?:[^@]*@)?/, '')
      .replace(/[/?].*$/, '')
      .split(','),
    logLevel: kafkajs.logLevel.NOTHING,
    ...(login === undefined ? {} : { sasl: { mechanism: 'plain', ...login } }),
  });
}

export async function administer<T>(client: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = client.admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** What a promise that must reject rejects with, and after how many ms. */
export async function failure(work: Promise<unknown>): Promise<{ error: Error & { code?: unknown }; ms: number }> {
  const startedAt = performance.now();
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error('It did not fail');
  return { error, ms: performance.now() - startedAt };
}
