/** Who hears of events without a closure for it. */
export interface Observer<E> {
  notify(event: E): void;
}

export type Listener<E> = ((event: E) => void) | Observer<E>;

/** Mostly one, and there are many leases: a set comes with the second. */
export type Listeners<E> = Listener<E> | Set<Listener<E>> | undefined;

export function withListener<E>(listeners: Listeners<E>, listener: Listener<E>): Listeners<E> {
  if (listeners === undefined || listeners === listener) return listener;
  if (listeners instanceof Set) return listeners.add(listener);
  return new Set([listeners, listener]);
}

export function withoutListener<E>(listeners: Listeners<E>, listener: Listener<E>): Listeners<E> {
  if (listeners === listener) return undefined;
  if (listeners instanceof Set) listeners.delete(listener);
  return listeners;
}

export function tell<E>(listeners: Listeners<E>, event: E): void {
  if (listeners instanceof Set) for (const listener of listeners) tellOne(listener, event);
  else if (listeners !== undefined) tellOne(listeners, event);
}

function tellOne<E>(listener: Listener<E>, event: E): void {
  if (typeof listener === 'function') listener(event);
  else listener.notify(event);
}
