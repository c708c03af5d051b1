import { z } from 'zod';
import type { LockRecord } from './record.ts';

const natural = z.int().min(0);
const place = { mode: z.enum(['exclusive', 'shared', 'semaphore']), permits: z.int().min(1).optional() };
const client = z.object({ id: z.string(), host: z.string(), pid: z.number() });
const token = z.string().regex(/^\d{1,19}$/);

/** What tells a record of ours from all else that may be in a topic, whatever its version. */
const envelope = {
  version: natural,
  session: z.string(),
  number: natural,
  partitions: z.int().min(1),
};

const entry = z.object({
  name: z.string(),
  owner: z.string(),
  ...place,
  ttlMs: z.number().positive(),
  client,
  since: z.number(),
  token: token.optional(),
  expiresAt: z.number().optional(),
});

const schema = z.discriminatedUnion('type', [
  z.object({
    ...envelope,
    type: z.literal('request'),
    name: z.string(),
    owner: z.string(),
    ...place,
    ttlMs: z.number().positive(),
    client,
    wait: z.boolean(),
    steal: z.boolean(),
  }),
  z.object({ ...envelope, type: z.literal('renew'), owners: z.array(z.string()) }),
  z.object({ ...envelope, type: z.literal('leave'), owner: z.string() }),
  z.object({ ...envelope, type: z.literal('tick'), names: z.array(z.string()) }),
  z.object({
    ...envelope,
    type: z.literal('checkpoint'),
    at: z.int(),
    epoch: z.int(),
    appendedAt: natural,
    id: z.string(),
    part: natural,
    parts: z.int().min(1),
    time: natural,
    token,
    entries: z.array(entry),
  }),
]);

const header = z.object({ ...envelope, type: z.string() });

/** Of a record of ours, `undefined` for any other. */
export function versionOf(value: unknown): number | undefined {
  const parsed = header.safeParse(value);
  return parsed.success ? parsed.data.version : undefined;
}

/** `undefined` for what lacks something that a record of this version has. */
export function asRecord(value: unknown): LockRecord | undefined {
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}
