import { z } from 'zod';

interface Place {
  readonly host: string;
  readonly port: number;
}

/** Where to reach a server that others know by that `host:port`, as ioredis has it: a table, or a function. */
export type NatMap = Readonly<Record<string, Place>> | ((address: string) => Place | null | undefined);

type Lookup = Extract<NatMap, (address: string) => unknown>;

export const natMapSchema: z.ZodType<NatMap> = z.union([
  z.custom<Lookup>((value) => typeof value === 'function', {
    error: 'expected a function or a table of { host, port } by host:port',
  }),
  z.record(z.string(), z.strictObject({ host: z.string().min(1), port: z.int().min(1).max(65535) })),
]);

export function mapped(natMap: NatMap | undefined, address: string): Place | undefined {
  return (typeof natMap === 'function' ? natMap(address) : natMap?.[address]) ?? undefined;
}
