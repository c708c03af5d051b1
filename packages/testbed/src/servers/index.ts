import type { ServerKind } from '../server.ts';
import { redis } from './redis.ts';

export type ServerName = 'redis';

/** Every server that the testbed can start. */
export const kinds: Readonly<Record<ServerName, ServerKind>> = { redis };

export const serverNames: readonly ServerName[] = Object.keys(kinds) as ServerName[];
