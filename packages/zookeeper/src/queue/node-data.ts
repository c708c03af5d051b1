import { z } from 'zod';
import type { ClientInfo } from '@holdfast/core/adapter';

/**
 * `entered`: as created. `held`: it waited, and has seen that it holds. `numbered`: it holds, and its token is the
 * transaction that said so.
 */
export type Stage = 'entered' | 'held' | 'numbered';

export interface NodeContent {
  readonly client: ClientInfo;
  readonly stage: Stage;
}

const schema: z.ZodType<NodeContent> = z.object({
  client: z.object({ id: z.string(), host: z.string(), pid: z.number() }),
  stage: z.enum(['entered', 'held', 'numbered']),
});

export function encodeNode(client: ClientInfo, stage: Stage): Buffer {
  const { id, host, pid } = client;
  return Buffer.from(JSON.stringify({ client: { id, host, pid }, stage }));
}

/** Throws for data that are not ours. */
export function decodeNode(data: Buffer): NodeContent {
  return schema.parse(JSON.parse(data.toString('utf8')));
}
