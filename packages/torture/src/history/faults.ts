import { faultKinds } from './events.ts';
import type { FaultKind, HistoryEvent } from './events.ts';

/** A fault while it lasted, in µs. */
export interface FaultWindow {
  readonly id: number;
  readonly kind: FaultKind;
  /** `undefined`: the server, or every client. */
  readonly client: number | undefined;
  readonly from: number;
  /** `Infinity` if its end was not written. */
  readonly until: number;
}

export function faultsOf(events: readonly HistoryEvent[]): FaultWindow[] {
  const ends = new Map<number, number>();
  for (const event of events) if (event.type === 'fault' && event.phase === 'end') ends.set(event.id, event.t);
  return events.flatMap((event) =>
    event.type === 'fault' && event.phase === 'begin'
      ? [
          {
            id: event.id,
            kind: event.kind,
            client: event.client,
            from: event.t,
            until: ends.get(event.id) ?? Infinity,
          },
        ]
      : [],
  );
}

export function touches(fault: FaultWindow, client: number): boolean {
  return fault.client === undefined || fault.client === client;
}

/** The faults through which a server may see a connection end, or time out, before its client can know: all but those of clients (a server may time sessions by its wall clock). */
export const connectionFaults: ReadonlySet<FaultKind> = new Set(
  faultKinds.filter((kind) => !kind.startsWith('client-')),
);
