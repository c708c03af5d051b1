import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** In ms, for the connection and all answers together. */
const TIMEOUT_MS = 1000;

/**
 * Sends commands to a Redis server over a connection of their own and resolves with their answers (simple and bulk
 * strings only). Rejects on the first error that the server answers.
 */
export function resp(url: string, ca: string | undefined, commands: readonly (readonly string[])[]): Promise<string[]> {
  const { protocol, hostname: host, port } = new URL(url);
  const address = { host, port: Number(port) || 6379 };
  const socket =
    protocol === 'rediss:' ? connectTls({ ...address, ...(ca === undefined ? {} : { ca }) }) : connect(address);
  return converse(socket, commands).finally(() => socket.destroy());
}

function converse(socket: Socket, commands: readonly (readonly string[])[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    socket.setTimeout(TIMEOUT_MS, () => reject(new Error(`No answer within ${TIMEOUT_MS} ms`)));
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
function parse(bytes: Buffer): string[] {
  const answers: string[] = [];
  let at = 0;
  for (;;) {
    const end = bytes.indexOf('\r\n', at);
    if (end === -1) return answers;
    const line = bytes.toString('utf8', at + 1, end);
    const type = String.fromCharCode(bytes[at] ?? 0);
    at = end + 2;
    if (type === '-') throw new Error(line);
    if (type !== '$') {
      answers.push(line);
      continue;
    }
    const length = Number(line);
    if (bytes.length < at + length + 2) return answers;
    answers.push(bytes.toString('utf8', at, at + length));
    at += length + 2;
  }
}
