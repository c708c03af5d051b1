import { monotonicMs } from '@holdfast/core/adapter';
import type { IEvent, IWatchCreateRequest, IWatchRequest, IWatchResponse, IDuplexStream } from 'etcd3';
import type { Connection } from './connection.ts';

export interface WatchListener {
  /** The server watches: everything after `revision` (or from the one asked for) will be told. */
  onStart(revision: bigint): void;
  onEvents(events: readonly IEvent[]): void;
  /** It does not any more, whatever the reason; what happened meanwhile is not known. Called once, never after the stop. */
  onEnd(): void;
}

type Stream = IDuplexStream<IWatchRequest, IWatchResponse>;
export type WatchTarget = Omit<IWatchCreateRequest, 'watch_id'>;

/** A watch that is over is cancelled at the server this much later, in ms: whoever was woken by it has better things to send first. */
const CANCEL_MS = 20;
const FIRST_PAUSE_MS = 50;
const LAST_PAUSE_MS = 1000;

/**
 * All watches of a backend, on one stream, which is open only while there are some: an open one keeps the process alive
 * (grpc-js refs its socket while a call is under way).
 */
export class Watches {
  readonly #connection: Connection;
  /** By watch id. We choose the ids, so that answers need not come in the order of the requests. */
  readonly #listeners = new Map<string, WatchListener>();
  #state: { readonly stream: Promise<Stream>; live: Stream | undefined } | undefined;
  #lastId = 0;
  #pauseMs = 0;
  #mayOpenAt = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
    connection.onMoved(() => this.#end());
  }

  /** Returns what stops it. */
  watch(target: WatchTarget, listener: WatchListener): () => void {
    const id = `${++this.#lastId}`;
    this.#listeners.set(id, listener);
    this.#send({ create_request: { ...target, watch_id: id } });
    return () => {
      if (!this.#listeners.delete(id)) return;
      if (this.#listeners.size === 0) this.#close();
      else this.#cancel(id);
    };
  }

  close(): void {
    this.#end();
  }

  #send(request: IWatchRequest): void {
    const state = (this.#state ??= this.#open());
    if (state.live !== undefined) state.live.write(request);
    else state.stream.then((stream) => this.#state === state && stream.write(request)).catch(() => undefined);
  }

  #cancel(id: string): void {
    const state = this.#state;
    // With its stream all watches are over.
    if (state === undefined) return;
    setTimeout(() => {
      if (this.#state === state) this.#send({ cancel_request: { watch_id: id } });
    }, CANCEL_MS).unref();
  }

  #open(): { stream: Promise<Stream>; live: Stream | undefined } {
    const state = { stream: this.#connect(), live: undefined as Stream | undefined };
    state.stream.then(
      (stream) => {
        if (this.#state !== state) {
          end(stream);
          return;
        }
        state.live = stream;
        const over = (): void => {
          if (this.#state === state) this.#end();
        };
        stream.on('data', (response) => {
          if (this.#state === state) this.#receive(response);
        });
        stream.on('error', over);
        stream.on('end', over);
      },
      () => {
        if (this.#state === state) this.#end();
      },
    );
    return state;
  }

  async #connect(): Promise<Stream> {
    const early = this.#mayOpenAt - monotonicMs();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early).unref());
    return this.#connection.client.watchClient.watch();
  }

  #receive({ watch_id: id, created, canceled, compact_revision: compacted, events, header }: IWatchResponse): void {
    const listener = this.#listeners.get(id);
    if (canceled) {
      if (listener === undefined) return;
      this.#listeners.delete(id);
      listener.onEnd();
      // Not for a compaction: then the stream's own credentials are refused, and stay what they were when it was opened.
      if (compacted === '0') this.#end();
      return;
    }
    this.#pauseMs = 0;
    if (created) listener?.onStart(BigInt(header.revision));
    if (events.length > 0) listener?.onEvents(events);
  }

  /** The stream is over, and the next one waits a while: a server that refuses must not be asked in a loop. */
  #end(): void {
    if (this.#state === undefined) return;
    this.#pauseMs = Math.min(Math.max(this.#pauseMs * 2, FIRST_PAUSE_MS), LAST_PAUSE_MS);
    this.#mayOpenAt = monotonicMs() + this.#pauseMs;
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    this.#close();
    for (const listener of listeners) listener.onEnd();
  }

  #close(): void {
    const live = this.#state?.live;
    this.#state = undefined;
    if (live !== undefined) end(live);
  }
}

function end(stream: Stream): void {
  // Its last error must not go unhandled.
  stream.on('error', () => undefined);
  // First the regular end: etcd3 takes an error on a stream that is still writable for the failure of the server.
  stream.end();
  stream.cancel();
}
