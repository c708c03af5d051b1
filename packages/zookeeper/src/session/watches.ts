import type { WatchEvent } from './connection.ts';

/** `data`: of the node's data, and its end. `children`: that one comes or goes, and the parent's end. */
export type WatchKind = 'data' | 'children';

/** `isGone`: the node's end. */
type Listener = (isGone: boolean) => void;

const DELETED = 2;
const DATA_CHANGED = 3;
const CHILDREN_CHANGED = 4;

/** Who is to be told of what. ZooKeeper tells each once; whoever wants to hear more asks again. */
export class Watches {
  readonly #listeners: Readonly<Record<WatchKind, Map<string, Set<Listener>>>> = {
    data: new Map(),
    children: new Map(),
  };

  /** To be called before the request that sets the watch: the event may come in the same packet as its answer. */
  add(kind: WatchKind, path: string, listener: Listener): () => void {
    const ofKind = this.#listeners[kind];
    const listeners = ofKind.get(path) ?? new Set();
    ofKind.set(path, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && ofKind.get(path) === listeners) ofKind.delete(path);
    };
  }

  fire({ type, path }: WatchEvent): void {
    if (type === DATA_CHANGED || type === DELETED) this.#fire('data', path, type === DELETED);
    if (type === CHILDREN_CHANGED || type === DELETED) this.#fire('children', path, type === DELETED);
  }

  paths(kind: WatchKind): string[] {
    return [...this.#listeners[kind].keys()];
  }

  #fire(kind: WatchKind, path: string, isGone: boolean): void {
    const listeners = this.#listeners[kind].get(path);
    this.#listeners[kind].delete(path);
    for (const listener of listeners ?? []) listener(isGone);
  }
}
