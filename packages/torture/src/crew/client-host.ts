import type { ClientSpec, FromClient } from '../client/spec.ts';

/** How one life of a client is started, hurt and ended: in a process, or in a thread where locks end at the process. */
export interface ClientHost {
  start(spec: ClientSpec, options: HostOptions): RunningClient;
}

export interface HostOptions {
  /** Gets what the client prints: nothing, or why it died. */
  readonly output: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly onCounts: (counts: FromClient) => void;
}

export interface RunningClient {
  /** Resolves with how it ended; `undefined`: by itself, and well. */
  readonly ended: Promise<string | undefined>;
  /** It is to begin nothing new, and to end. */
  stop(): void;
  kill(): void;
  freeze(): void;
  thaw(): void;
}
