import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { GenericContainer, StartedTestContainer } from 'testcontainers';
import { selfSigned } from '../certificate.ts';
import { images } from '../images.ts';
import { forgetContainer, keepContainer } from '../keeper/keeper.ts';
import type { Engine } from '../keeper/keeper.ts';
import { onFreePort } from '../port.ts';
import { untilReady } from '../ready.ts';
import type { Identity, RunningServer, ServerKind, ServerOptions } from '../server.ts';

const DIRECTORY = '/data';
const OUTPUT_CHARACTERS = 4000;

/** The server's image, on a host port of our choice: a port that the engine chooses changes with every restart. */
export async function startContainer(kind: ServerKind, options: ServerOptions, engine: Engine): Promise<RunningServer> {
  const { ca, containerOn } = await containersOf(kind, options);

  const launch = async (port: number): Promise<{ port: number; container: Container; identity: Identity }> => {
    const container = await startNamed(containerOn(port), engine);
    try {
      return { port, container, identity: await answering(container, port) };
    } catch (error) {
      await container.remove();
      throw error;
    }
  };
  const answering = (container: Container, port: number): Promise<Identity> =>
    untilReady(
      () => kind.probe(kind.url(port, options), ca),
      () => container.ended(),
    );

  let { port, container, identity } = await onFreePort(launch);
  let stopped: Promise<void> | undefined;

  const running: RunningServer = {
    name: kind.name,
    url: kind.url(port, options),
    source: 'container',
    version: identity.version,
    port,
    pid: undefined,
    ...(ca === undefined ? {} : { ca }),
    kill: (signal = 'SIGKILL') => container.kill(signal),
    async restart(how) {
      await container.kill('SIGKILL');
      if (how?.empty) {
        await container.remove();
        ({ container } = await launch(port));
      } else {
        await container.start();
        await answering(container, port);
      }
    },
    pause: () => container.pause(),
    resume: () => container.resume(),
    stop: () => (stopped ??= container.remove()),
    [Symbol.asyncDispose]: () => running.stop(),
  };
  return running;
}

/** What is the same for every container of one server. */
async function containersOf(
  kind: ServerKind,
  options: ServerOptions,
): Promise<{ ca: string | undefined; containerOn: (port: number) => GenericContainer }> {
  const { GenericContainer } = await import('testcontainers');
  const image = images[kind.image];
  if (image === undefined) throw new Error(`images.json has no ${kind.image}`);
  const certificate = options.tls ? await selfSigned() : undefined;
  const args = kind.args({ host: '0.0.0.0', port: kind.containerPort, dir: DIRECTORY }, options);
  const containerOn = (port: number): GenericContainer => {
    const container = new GenericContainer(image)
      .withExposedPorts({ container: kind.containerPort, host: port })
      .withCommand([...(kind.containerCommand ?? [kind.binary]), ...args]);
    if (certificate === undefined) return container;
    return container.withCopyContentToContainer([
      { content: certificate.cert, target: `${DIRECTORY}/server.crt`, mode: 0o644 },
      { content: certificate.key, target: `${DIRECTORY}/server.key`, mode: 0o644 },
    ]);
  };
  return { ca: certificate?.cert, containerOn };
}

/** What the engine does with one container. */
interface Container {
  kill(signal: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  remove(): Promise<void>;
  ended(): Promise<Error | undefined>;
}

async function startNamed(definition: GenericContainer, engine: Engine): Promise<Container> {
  const name = `holdfast-${randomUUID()}`;
  let output = '';
  const collect = (stream: Readable): void => {
    stream.on('data', (chunk: Buffer | string) => (output = (output + chunk.toString()).slice(-OUTPUT_CHARACTERS)));
  };
  // The name is known before the container exists, so the keeper can remove it whenever this process dies.
  await keepContainer(name, engine);
  let started: StartedTestContainer;
  try {
    started = await definition.withName(name).withLogConsumer(collect).start();
  } catch (cause) {
    throw new Error(`${String(cause)} ${output.trim()}`, { cause });
  }
  const { getContainerRuntimeClient } = await import('testcontainers');
  const handle = (await getContainerRuntimeClient()).container.getById(started.getId());

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
      return state.Running ? undefined : new Error(`it ended with status ${state.ExitCode}: ${output.trim()}`);
    },
  };
}
