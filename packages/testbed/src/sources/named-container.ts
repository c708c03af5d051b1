import { randomUUID } from 'node:crypto';
import type { ContainerRuntimeClient, GenericContainer, StartedTestContainer, WaitStrategy } from 'testcontainers';
import { forgetContainer, keepContainer } from '../keeper/keeper.ts';
import type { Engine } from '../keeper/keeper.ts';

const OUTPUT_LINES = 50;
const OUTPUT_CHARACTERS = 4000;
/** The engine puts one before each piece of output: which stream it is of, and its length in the last four bytes. */
const FRAME_HEADER_BYTES = 8;

/** What the engine does with one container. */
export interface Container {
  kill(signal: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  remove(): Promise<void>;
  ended(): Promise<Error | undefined>;
  /** The last of what it printed. */
  output(): Promise<string>;
}

type Handle = ReturnType<ContainerRuntimeClient['container']['getById']>;

/** The library's own wait looks into the container with a shell, and etcd's image has none. We ask the server ourselves. */
const noWait: WaitStrategy = {
  waitUntilReady: () => Promise.resolve(),
  withStartupTimeout: () => noWait,
  isStartupTimeoutSet: () => false,
  getStartupTimeout: () => 0,
};

/** Under a name of its own, by which it goes with this process. Resolves once it runs, or has ended already. */
export async function startNamed(definition: GenericContainer, engine: Engine): Promise<Container> {
  const name = `holdfast-${randomUUID()}`;
  // The name is known before the container exists, so the keeper can remove it whenever this process dies.
  await keepContainer(name, engine);
  const { getContainerRuntimeClient } = await import('testcontainers');
  const handle = (await getContainerRuntimeClient()).container.getById(name);
  let started: StartedTestContainer;
  try {
    started = await definition.withName(name).withWaitStrategy(noWait).start();
  } catch (cause) {
    // The engine may have created no container at all, which then has no output either.
    const output = await outputOf(handle).catch(() => '');
    throw new Error(`${String(cause)} ${output}`.trim(), { cause });
  }

  return {
    async kill(signal) {
      const { State: state } = await handle.inspect();
      if (!state.Running) return;
      // The engine signals no paused container.
      if (state.Paused) await handle.unpause();
      await handle.kill({ signal });
      await handle.wait();
    },
    start: async () => void (await handle.start()),
    pause: async () => void (await handle.pause()),
    resume: async () => void (await handle.unpause()),
    async remove() {
      await started.stop({ timeout: 0 });
      await forgetContainer(name);
    },
    async ended() {
      const { State: state } = await handle.inspect();
      if (state.Running) return undefined;
      return new Error(`it ended with status ${state.ExitCode}: ${await outputOf(handle)}`);
    },
    output: () => outputOf(handle),
  };
}

/** The last of what it printed, asked for when it is needed: a stream of it would end with the first kill. */
async function outputOf(handle: Handle): Promise<string> {
  const frames = await handle.logs({ stdout: true, stderr: true, tail: OUTPUT_LINES, follow: false });
  let output = '';
  for (let at = 0; at + FRAME_HEADER_BYTES <= frames.length;) {
    const from = at + FRAME_HEADER_BYTES;
    at = from + frames.readUInt32BE(from - 4);
    output += frames.toString('utf8', from, at);
  }
  return output.slice(-OUTPUT_CHARACTERS).trim();
}
