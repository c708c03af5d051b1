/** What a client sends once per connection. */
import type { Operation } from './operations.ts';

/** Servers refuse packets above `jute.maxbuffer` (1 MiB by default), so many watches go in several. In bytes. */
const WATCHES_PACKET = 128 * 1024;

export function auth(scheme: string, credentials: string): Operation<void> {
  return {
    type: 100,
    isLed: false,
    path: '',
    write: (writer) => void writer.int(0).string(scheme).buffer(Buffer.from(credentials)),
    read: () => undefined,
  };
}

export interface WatchedPaths {
  readonly data: readonly string[];
  readonly children: readonly string[];
}

/** Sets watches again, and has those fire whose node changed after `lastZxid`. */
export function setWatches(lastZxid: bigint, { data, children }: WatchedPaths): Operation<void>[] {
  const chunks = [
    ...chunked(data).map((paths) => ({ data: paths, children: [] as readonly string[] })),
    ...chunked(children).map((paths) => ({ data: [] as readonly string[], children: paths })),
  ];
  return chunks.map((chunk) => ({
    type: 101,
    isLed: false,
    path: '',
    write(writer) {
      writer.long(lastZxid);
      for (const paths of [chunk.data, [], chunk.children]) writer.vector(paths, (path) => writer.string(path));
    },
    read: () => undefined,
  }));
}

function chunked(paths: readonly string[]): string[][] {
  const chunks: string[][] = [];
  let room = 0;
  for (const path of paths) {
    room -= Buffer.byteLength(path) + 4;
    if (room < 0) {
      chunks.push([]);
      room = WATCHES_PACKET - Buffer.byteLength(path);
    }
    chunks.at(-1)?.push(path);
  }
  return chunks;
}
