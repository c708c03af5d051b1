import { connect } from 'node:net';
import type { Host } from './dial.ts';

/** In ms, for the whole exchange. */
const TIMEOUT_MS = 1000;

/** What a server says about itself, on a connection of its own. */
export function fourLetterWord({ host, port }: Host, word: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    socket.unref();
    let answer = '';
    const timer = setTimeout(
      () => socket.destroy(new Error(`No answer to ${word} within ${TIMEOUT_MS} ms`)),
      TIMEOUT_MS,
    );
    timer.unref();
    socket.on('connect', () => socket.write(word));
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('utf8');
    });
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}
