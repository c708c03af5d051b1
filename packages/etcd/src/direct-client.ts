import { castGrpcError, Etcd3, EtcdInvalidAuthTokenError } from 'etcd3';
import type { CallOptions } from './connection.ts';
import { decodeAnswer, encodeTxn } from './txn-codec.ts';
import type { Answer, Txn } from './txn.ts';

/** By way of {@link DirectClient} if it is one; a client of the user's own has options of its own, which etcd3 applies. */
export function txn(client: Etcd3, request: Txn, options: CallOptions): Promise<Answer> {
  return client instanceof DirectClient ? client.txn(request, options) : client.kv.txn(request, options);
}

/**
 * An etcd3 client whose transactions skip what etcd3 and the outer layers of grpc-js do for each call (copies of the message, interceptors,
 * an emitter, a stack trace): they cost as much time as the server needs. Channels, credentials and errors are etcd3's.
 */
export class DirectClient extends Etcd3 {
  /** Rejects as `kv.txn` does. */
  async txn(request: Txn, options: CallOptions): Promise<Answer> {
    try {
      return await this.#txn(request, options);
    } catch (error) {
      // A server that was restarted has forgotten the token, and done nothing: etcd3 gets another one.
      if (error instanceof EtcdInvalidAuthTokenError) return await this.kv.txn(request, options);
      throw error;
    }
  }

  #txn(request: Txn, { deadline }: CallOptions): Promise<Answer> {
    return this.pool.withConnection(
      'KV',
      ({ client, metadata }) =>
        new Promise<Answer>((resolve, reject) => {
          const call = client.getChannel().createCall('/etcdserverpb.KV/Txn', deadline, undefined, null, undefined);
          let message: Buffer | undefined;
          call.start(metadata, {
            onReceiveMetadata: () => undefined,
            onReceiveMessage: (received: Buffer) => void (message = received),
            onReceiveStatus: ({ code, details }: { readonly code: number; readonly details: string }) => {
              try {
                if (code !== 0) throw Object.assign(new Error(details), { code });
                if (message === undefined) throw new Error('The server ended a call without an answer');
                resolve(decodeAnswer(message));
              } catch (error) {
                reject(castGrpcError(error as Error));
              }
            },
          });
          call.sendMessageWithContext({}, encodeTxn(request));
          call.startRead();
          call.halfClose();
        }),
    );
  }
}
