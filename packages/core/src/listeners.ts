export type Listener<E> = (event: E) => void;

/** Mostly one, and there are many leases: a set comes with the second. */
export type Listeners<E> = Listener<E> | Set<Listener<E>> | undefined;

export function withListener<E>(listeners: Listeners<E>, listener: Listener<E>): Listeners<E> {
  if (listeners === undefined || listeners === listener) return listener;
  if (typeof listeners === 'function') return new Set([listeners, listener]);
  return listeners.add(listener);
}

export function withoutListener<E>(listeners: Listeners<E>, listener: Listener<E>): Listeners<E> {
  if (listeners === listener) return undefined;
  if (listeners instanceof Set) listeners.delete(listener);
  return listeners;
}

export function tell<E>(listeners: Listeners<E>, event: E): void {
  if (typeof listeners === 'function') listeners(event);
  else for (const listener of listeners ?? []) listener(event);
}
