import { connect } from 'node:net';
import type { Client } from 'pg';

/** What pg has, and its types do not tell. */
interface Backend {
  readonly host: string;
  readonly port: number;
  readonly processID: number | null;
  readonly secretKey: number | null;
}

const REQUEST_CODE = (1234 << 16) | 5678;

/**
 * Cancels what the server runs on the connection of `client`, over a connection of its own as the protocol has it. Resolves when
 * the server has closed that, which it does after the signal is sent: what is asked on the connection afterwards is not hit.
 */
export function cancel(client: Client, timeoutMs: number): Promise<void> {
  const { host, port, processID, secretKey } = client as unknown as Backend;
  const request = Buffer.alloc(16);
  request.writeInt32BE(16, 0);
  request.writeInt32BE(REQUEST_CODE, 4);
  request.writeInt32BE(processID ?? 0, 8);
  request.writeInt32BE(secretKey ?? 0, 12);
  return new Promise((resolve, reject) => {
    const socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
    socket.setNoDelay(true).setTimeout(timeoutMs, () => socket.destroy(new Error('no answer to a cancel request')));
    socket.once('connect', () => socket.write(request));
    socket.once('error', reject).once('close', () => resolve());
    // The server ends it; whatever it sends is of no interest.
    socket.resume();
  });
}
