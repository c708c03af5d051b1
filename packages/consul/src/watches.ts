import { monotonicMs } from '@holdfast/core/adapter';
import type { Consul, Reading } from './consul.ts';
import { Watch } from './watch.ts';
import type { Watched } from './watch.ts';

/**
 * A blocking query holds a connection, of which an agent allows 200 to all processes of a host together. Beyond so many, keys are
 * looked at once a second, many with one request.
 */
const MAX_QUERIES = 40;
/** So many of them may be for the own keys of waiters, which is only faster. */
const MAX_OWN = 10;
const LOOK_MS = 1000;
/** While agents don't answer, blocking queries begin anew no more often than this, in ms. */
const RESTART_MS = 500;
/** Consul before 1.14 takes no more operations in one transaction. */
const KEYS_PER_LOOK = 64;

/** The blocking queries of one backend; waiters for the same key share one. */
export class Watches {
  readonly #consul: Consul;
  readonly #shared = new Map<string, Watch>();
  readonly #active = new Set<Watch>();
  readonly #crowd = new Set<Watch>();
  #own = 0;
  #timer: NodeJS.Timeout | undefined;
  #restartedAt = -Infinity;

  constructor(consul: Consul) {
    this.#consul = consul;
    consul.agents.onTrouble = () => this.#restart();
  }

  /** Calls `listener` with what is found each time that it may have changed, until the returned function is called. */
  watch(watched: Watched, listener: (reading: Reading) => void, urgent = false): () => void {
    const known = watched.isPrefix ? undefined : this.#shared.get(watched.key);
    // One that began later is told nothing of what was before: it would wait for ever.
    const watch = known !== undefined && known.watched.from === watched.from ? known : this.#start(watched, urgent);
    watch.add(listener);
    return () => {
      watch.remove(listener);
      if (watch.isIdle) this.#end(watch);
    };
  }

  /** As `watch`, for a key that only the listener has a use for; `undefined` if there are too many already. */
  watchOwn(watched: Watched, listener: (reading: Reading) => void): (() => void) | undefined {
    if (this.#own >= MAX_OWN || this.#active.size >= MAX_QUERIES) return undefined;
    this.#own += 1;
    const stop = this.watch(watched, listener);
    let isStopped = false;
    return () => {
      if (!isStopped) this.#own -= 1;
      isStopped = true;
      stop();
    };
  }

  close(): void {
    for (const watch of [...this.#active, ...this.#crowd]) this.#end(watch);
  }

  #restart(): void {
    const now = monotonicMs();
    if (now < this.#restartedAt + RESTART_MS) return;
    this.#restartedAt = now;
    for (const watch of this.#active) watch.restart();
  }

  #start(watched: Watched, urgent: boolean): Watch {
    const watch = new Watch(this.#consul, watched);
    if (!watched.isPrefix) this.#shared.set(watched.key, watch);
    if (urgent || watched.isPrefix || this.#active.size < MAX_QUERIES) this.#run(watch);
    else {
      this.#crowd.add(watch);
      this.#timer ??= setInterval(() => void this.#look(), LOOK_MS).unref();
    }
    return watch;
  }

  #run(watch: Watch): void {
    this.#active.add(watch);
    void watch.run();
  }

  #end(watch: Watch): void {
    watch.stop();
    if (this.#shared.get(watch.watched.key) === watch) this.#shared.delete(watch.watched.key);
    this.#crowd.delete(watch);
    if (this.#active.delete(watch)) this.#promote();
    if (this.#crowd.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #promote(): void {
    if (this.#active.size >= MAX_QUERIES) return;
    const [next] = this.#crowd;
    if (next === undefined) return;
    this.#crowd.delete(next);
    this.#run(next);
  }

  async #look(): Promise<void> {
    const crowd = [...this.#crowd];
    for (let at = 0; at < crowd.length; at += KEYS_PER_LOOK) {
      const batch = crowd.slice(at, at + KEYS_PER_LOOK);
      // If it fails, the next look comes in a second; the heartbeat of whoever waits tells when to give up.
      await this.#lookAt(batch).then(undefined, () => undefined);
    }
  }

  async #lookAt(batch: readonly Watch[]): Promise<void> {
    const operations = batch.map(
      ({ watched: { key, from } }) => ({ Verb: 'check-index', Key: key, Index: from }) as const,
    );
    const outcome = await this.#consul.transact(operations);
    if (outcome.applied) return;
    for (const watch of outcome.failed.map((index) => batch[index])) {
      if (watch === undefined) continue;
      const found = await this.#consul.read(watch.watched.key);
      watch.tell({ entries: found === undefined ? [] : [found], index: found?.ModifyIndex ?? 0 });
    }
  }
}
