import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** Of a probe, in ms, for the connection and all answers together. */
const TIMEOUT_MS = 1000;

/** Numbers as text, null as an empty one. */
export type Reply = string | readonly Reply[];

/**
 * Sends commands to a Redis server over a connection of their own and resolves with their answers. Rejects on the first
 * error that the server answers.
 */
export function resp(
  url: string,
  ca: string | undefined,
  commands: readonly (readonly string[])[],
  timeoutMs: number = TIMEOUT_MS,
): Promise<Reply[]> {
  const { protocol, hostname: host, port } = new URL(url);
  const address = { host, port: Number(port) || 6379 };
  const socket =
    protocol === 'rediss:' ? connectTls({ ...address, ...(ca === undefined ? {} : { ca }) }) : connect(address);
  return converse(socket, commands, timeoutMs).finally(() => socket.destroy());
}

function converse(socket: Socket, commands: readonly (readonly string[])[], timeoutMs: number): Promise<Reply[]> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    socket.setTimeout(timeoutMs, () => reject(new Error(`No answer within ${timeoutMs} ms`)));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('The server closed the connection')));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      try {
        const answers = parse(received);
        if (answers.length === commands.length) resolve(answers);
      } catch (error) {
        reject(error);
      }
    });
    socket.write(commands.map(encode).join(''));
  });
}

function encode(command: readonly string[]): string {
  return `*${command.length}\r\n${command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('')}`;
}

/** The complete answers at the front of `bytes`. */
function parse(bytes: Buffer): Reply[] {
  const answers: Reply[] = [];
  for (let at = 0; ;) {
    const next = parseOne(bytes, at);
    if (next === undefined) return answers;
    answers.push(next.answer);
    at = next.end;
  }
}

/** The answer that begins at `start`; `undefined` while it is not complete. */
function parseOne(bytes: Buffer, start: number): { answer: Reply; end: number } | undefined {
  const lineEnd = bytes.indexOf('\r\n', start);
  if (lineEnd === -1) return undefined;
  const type = String.fromCharCode(bytes[start] ?? 0);
  const line = bytes.toString('utf8', start + 1, lineEnd);
  let end = lineEnd + 2;
  if (type === '-') throw new Error(line);
  if (type === '*') {
    const answer: Reply[] = [];
    for (let left = Number(line); left > 0; left -= 1) {
      const element = parseOne(bytes, end);
      if (element === undefined) return undefined;
      answer.push(element.answer);
      end = element.end;
    }
    return { answer, end };
  }
  if (type !== '$') return { answer: line, end };
  const length = Number(line);
  if (length < 0) return { answer: '', end };
  if (bytes.length < end + length + 2) return undefined;
  return { answer: bytes.toString('utf8', end, end + length), end: end + length + 2 };
}
