import type { Call, Reply } from './protocol.ts';

/** A process or a thread that can be killed and frozen, whatever it is doing. */
export interface Body {
  send(call: Call): void;
  onReply(listener: (reply: Reply) => void): void;
  /** No code of it runs any more, no handler, no farewell. */
  kill(): Promise<void>;
  /** It runs no code until {@link thaw}. */
  freeze(): Promise<void>;
  thaw(): void;
  /** Resolves once it is gone, with why. */
  readonly gone: Promise<string>;
}
