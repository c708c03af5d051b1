import { expect, test } from 'vitest';
import { Turns } from '../dist/run/turns.js';

/** Runs them all; gives the order of starts and ends, of which the test decides the latter. */
function stage(turns: Turns, footprints: Readonly<Record<string, number>>) {
  const running = new Map<string, () => void>();
  const all = Object.entries(footprints).map(([name, footprint]) =>
    turns.run(footprint, () => new Promise<void>((resolve) => void running.set(name, resolve))),
  );
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    async running(): Promise<string[]> {
      await settle();
      return [...running.keys()];
    },
    async end(name: string): Promise<void> {
      running.get(name)?.();
      running.delete(name);
      await settle();
    },
    all: Promise.all(all),
  };
}

test('no more run at once than are allowed, in the order in which they asked', async () => {
  const scene = stage(new Turns(2, 1000), { a: 1, b: 1, c: 1 });
  expect(await scene.running()).toEqual(['a', 'b']);
  await scene.end('a');
  expect(await scene.running()).toEqual(['b', 'c']);
});

test('what does not fit beside the others waits for memory, and nobody overtakes it', async () => {
  const scene = stage(new Turns(3, 1000), { a: 600, b: 600, c: 100 });
  expect(await scene.running()).toEqual(['a']);
  await scene.end('a');
  expect(await scene.running()).toEqual(['b', 'c']);
});

test('what is larger than all the memory runs alone', async () => {
  const scene = stage(new Turns(3, 1000), { huge: 5000, small: 1 });
  expect(await scene.running()).toEqual(['huge']);
  await scene.end('huge');
  expect(await scene.running()).toEqual(['small']);
  await scene.end('small');
  await scene.all;
});

test('one that fails gives its place on', async () => {
  const turns = new Turns(1, 1000);
  await expect(turns.run(1, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await turns.run(1, () => Promise.resolve('ran'))).toBe('ran');
});
