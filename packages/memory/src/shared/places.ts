import { threadId } from 'node:worker_threads';
import { BackendUnavailableError } from '@holdfast/core/adapter';
import { Layout, mailIndex, NO_REGION, spareIndex, threadIndex } from './layout.ts';
import type { MemorySpace } from './layout.ts';

/** Takes a free place for a backend of this thread. */
export function takePlace(layout: Layout): number {
  for (let place = 0; place < layout.backends; place += 1) {
    if (Atomics.compareExchange(layout.places, threadIndex(place), 0, threadId + 1) === 0) {
      Atomics.store(layout.places, mailIndex(place), 0);
      return place;
    }
  }
  throw new BackendUnavailableError(
    `The memory space has room for ${layout.backends} backends, and all are open; make it with more \`backends\`, or close those not needed`,
  );
}

export function leavePlace(layout: Layout, place: number): void {
  Atomics.store(layout.places, threadIndex(place), 0);
}

/** The spaces whose places this thread takes back from its workers. */
const spaces = new Set<WeakRef<SharedArrayBuffer>>();
const known = new WeakSet<SharedArrayBuffer>();

/** Frees the places of those workers of this thread, created from now on, that end without closing their backends. */
export function freePlacesOfWorkers({ buffer }: MemorySpace): void {
  if (known.has(buffer)) return;
  known.add(buffer);
  if (spaces.size === 0) {
    process.on('worker', (worker) => {
      // A Worker that has exited has no id any more.
      const { threadId: id } = worker;
      worker.once('exit', () => freeAll(id));
    });
  }
  spaces.add(new WeakRef(buffer));
}

/** `exit` comes after the thread has run its last instruction, and ids are not used twice. */
function freeAll(id: number): void {
  for (const ref of spaces) {
    const buffer = ref.deref();
    if (buffer !== undefined) freePlacesOf(new Layout({ buffer }), id);
  }
}

function freePlacesOf(layout: Layout, id: number): void {
  for (let place = 0; place < layout.backends; place += 1) {
    if (Atomics.load(layout.places, threadIndex(place)) !== id + 1) continue;
    // Terminated in the middle of an exchange: the spare is one of two regions, nobody knows which. The place stays taken.
    if (Atomics.load(layout.places, spareIndex(place)) === NO_REGION) continue;
    leavePlace(layout, place);
  }
}
