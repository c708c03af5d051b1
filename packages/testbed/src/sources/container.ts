import type { GenericContainer } from 'testcontainers';
import { selfSigned } from '../certificate.ts';
import { images } from '../images.ts';
import type { Engine } from '../keeper/keeper.ts';
import { onFreePort, onPort } from '../port.ts';
import { untilReady } from '../ready.ts';
import type { Identity, Place, RunningServer, ServerKind, ServerOptions } from '../server.ts';
import { assertSharesNetwork } from './engine.ts';
import { provideImage } from './image.ts';
import type { Image } from './image.ts';
import { startNamed } from './named-container.ts';
import type { Container } from './named-container.ts';

const DIRECTORY = '/data';

/** The server's image, on a host port of our choice: a port that the engine chooses changes with every restart. */
export async function startContainer(kind: ServerKind, options: ServerOptions, engine: Engine): Promise<RunningServer> {
  if (kind.hostNetwork) await assertSharesNetwork(engine);
  const name = images[kind.image];
  if (name === undefined) throw new Error(`images.json has no ${kind.image}`);
  const image = await provideImage(name);
  const { ca, containerOn } = await containersOf(kind, options, image);

  const launch = async (port: number): Promise<{ port: number; container: Container; identity: Identity }> => {
    const container = await startNamed(containerOn(port), engine);
    try {
      return { port, container, identity: await answering(container, port) };
    } catch (error) {
      const failure = (await container.ended()) === undefined ? await silent(error, container) : error;
      await container.remove();
      throw failure;
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
    image: image.name,
    standIn: image.standIn,
    port,
    pid: undefined,
    ...(ca === undefined ? {} : { ca }),
    kill: (signal = 'SIGKILL') => container.kill(signal),
    async restart(how) {
      await container.kill('SIGKILL');
      if (how?.empty) {
        await container.remove();
        ({ container } = await onPort(port, launch));
      } else {
        await onPort(port, () => container.start());
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

/** Of one that runs and does not answer, too, what it printed tells most. */
async function silent(cause: unknown, container: Container): Promise<Error> {
  const met = cause instanceof Error ? cause.message : String(cause);
  return new Error([met, await container.output()].filter((part) => part !== '').join(': '), { cause });
}

/** What is the same for every container of one server. */
async function containersOf(
  kind: ServerKind,
  options: ServerOptions,
  image: Image,
): Promise<{ ca: string | undefined; containerOn: (port: number) => GenericContainer }> {
  const { GenericContainer } = await import('testcontainers');
  const certificate = options.tls ? await selfSigned() : undefined;
  const containerOn = (port: number): GenericContainer => {
    const args = kind.args(placeOn(port, kind), options);
    const container = new GenericContainer(image.name)
      .withEnvironment(kind.containerEnvironment ?? {})
      .withCommand([...(kind.containerCommand ?? [kind.binary]), ...args])
      // The keeper removes it; the library's own reaper would be one more image to pull.
      .withAutoCleanup(false);
    if (kind.hostNetwork) container.withNetworkMode('host');
    else {
      // As with Docker Desktop: one server may have to reach another, on a port of this host.
      container.withExtraHosts([{ host: 'host.docker.internal', ipAddress: 'host-gateway' }]);
      container.withExposedPorts({ container: kind.containerPort, host: port });
    }
    if (kind.containerUser !== undefined) container.withUser(kind.containerUser);
    if (certificate === undefined) return container;
    return container.withCopyContentToContainer([
      { content: certificate.cert, target: `${DIRECTORY}/server.crt`, mode: 0o644 },
      { content: certificate.key, target: `${DIRECTORY}/server.key`, mode: 0o644 },
    ]);
  };
  return { ca: certificate?.cert, containerOn };
}

function placeOn(port: number, { hostNetwork, containerPort }: ServerKind): Place {
  if (hostNetwork) return { host: '127.0.0.1', port, publishedPort: port, dir: DIRECTORY };
  return { host: '0.0.0.0', port: containerPort, publishedPort: port, dir: DIRECTORY };
}
