import { channel } from 'node:diagnostics_channel';
import type { Channel } from 'node:diagnostics_channel';
import type { RequestMode } from '../contract.ts';

/** What every event carries. Channels: `holdfast:acquire`, `:granted`, `:contended`, `:renewed`, `:lost`, `:released`. */
export interface LockEvent {
  readonly name: string;
  readonly mode: RequestMode;
  readonly permits?: number | undefined;
  readonly backend: string;
  readonly clientId: string;
  /** Once granted. */
  readonly fencingToken?: bigint;
  /**
   * In ms. `granted`: the wait; `renewed`: the renewal; `lost` and `released`: how long it was held. Absent for the others.
   */
  readonly durationMs?: number;
  /** `lost`: the `LockLostError`; `released`: why the release did not reach the backend, if it did not. */
  readonly error?: unknown;
}

export type EventName = 'acquire' | 'granted' | 'contended' | 'renewed' | 'lost' | 'released';

const channels: Readonly<Record<EventName, Channel>> = {
  acquire: channel('holdfast:acquire'),
  granted: channel('holdfast:granted'),
  contended: channel('holdfast:contended'),
  renewed: channel('holdfast:renewed'),
  lost: channel('holdfast:lost'),
  released: channel('holdfast:released'),
};

/** Whether anybody listens: only then an event is made. */
export function isHeard(name: EventName): boolean {
  return channels[name].hasSubscribers;
}

export function publish(name: EventName, event: LockEvent): void {
  channels[name].publish(event);
}
