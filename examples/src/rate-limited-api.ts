/** Somebody else's API, for the worker pool to call: a real HTTP server that answers 429 to whoever is one too many. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';

export interface Statistics {
  /** Calls that were served. */
  served: number;
  /** Calls that were answered 429. */
  refused: number;
  /** The most that were inside at once. */
  most: number;
}

export function rateLimitedApi(limit: number, callMs: number): { server: Server; statistics: Statistics } {
  const statistics: Statistics = { served: 0, refused: 0, most: 0 };
  let inside = 0;
  const server = createServer((_, response) => {
    if (inside === limit) {
      statistics.refused += 1;
      response.writeHead(429, { 'retry-after': '1' }).end();
      return;
    }
    inside += 1;
    statistics.most = Math.max(statistics.most, inside);
    setTimeout(() => {
      inside -= 1;
      statistics.served += 1;
      response.end('ok');
    }, callMs);
  });
  return { server, statistics };
}
