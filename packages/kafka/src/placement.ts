import { createHash } from 'node:crypto';

/** The same for every client, for ever: SHA-256 of the name in UTF-8, its first 48 bits modulo the number of partitions. */
export function partitionOf(name: string, partitions: number): number {
  return createHash('sha256').update(name).digest().readUIntBE(0, 6) % partitions;
}
