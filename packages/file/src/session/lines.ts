import type { Socket } from 'node:net';

/** Longer than any message; who sends more is no Holdfast process. */
const MAX_LINE = 256;

/** Calls `onLine` for every line that arrives. */
export function onLines(socket: Socket, onLine: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
    if (rest.length > MAX_LINE) socket.destroy();
  });
}
