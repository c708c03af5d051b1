/**
 * The socket of a session: it exists as long as the process does, and the kernel knows at once when that is over.
 *
 * On Linux `connect` answers ECONNREFUSED exactly when no socket listens at that inode (unix(7); net/unix/af_unix.c). Node
 * closes a process's sockets only by `close` or death, and death closes them after every thread has left its last system
 * call; so a session that refuses a connection will never append again. A full backlog, as of a frozen process, answers EAGAIN.
 */
import { createConnection, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { hasCode } from '../errors.ts';

/** Listens for other processes. Rejects with the driver's error. */
export function listen(path: string, onConnection: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(onConnection);
    server.unref();
    server.once('error', reject);
    // Exclusive: in a worker of node:cluster the socket would else belong to the primary and outlive the worker.
    server.listen({ path, exclusive: true }, () => {
      server.off('error', reject);
      // A failed `accept` (no file descriptor left) concerns the peer: it tries again.
      server.on('error', () => undefined);
      resolve(server);
    });
  });
}

export function connect(path: string): Socket {
  const socket = createConnection(path);
  socket.unref();
  return socket;
}

/** `refused`: nobody listens. `absent`: no such socket, which proves nothing. */
export type Answer = 'alive' | 'refused' | 'absent' | 'unknown';

export function answerOf(error: unknown): Answer {
  if (hasCode(error, 'ECONNREFUSED')) return 'refused';
  if (hasCode(error, 'ENOENT')) return 'absent';
  return 'unknown';
}

/** Tries a connection and closes it again. */
export function probe(path: string): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('error', (error) => resolve(answerOf(error)));
    socket.once('connect', () => {
      resolve('alive');
      socket.destroy();
    });
  });
}

/** Whether `answer` proves that the process of `session` is gone. */
export function provesDeath(session: string, answer: Answer): boolean {
  if (answer !== 'refused') return false;
  // Elsewhere a full backlog is refused too; but there are no process namespaces either, so the pid tells.
  return process.platform === 'linux' || !pidExists(Number.parseInt(session, 10));
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !hasCode(error, 'ESRCH');
  }
}
