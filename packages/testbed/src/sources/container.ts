import type { GenericContainer } from 'testcontainers';
import { selfSigned } from '../certificate.ts';
import { images } from '../images.ts';
import type { Engine } from '../keeper/keeper.ts';
import { onFreePort } from '../port.ts';
import { untilReady } from '../ready.ts';
import type { Identity, RunningServer, ServerKind, ServerOptions } from '../server.ts';
import { startNamed } from './named-container.ts';
import type { Container } from './named-container.ts';

const DIRECTORY = '/data';

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
  const place = { host: '0.0.0.0', port: kind.containerPort, dir: DIRECTORY };
  const containerOn = (port: number): GenericContainer => {
    const args = kind.args({ ...place, publishedPort: port }, options);
    const container = new GenericContainer(image)
      .withEnvironment(kind.containerEnvironment ?? {})
      // As with Docker Desktop: one server may have to reach another, on a port of this host.
      .withExtraHosts([{ host: 'host.docker.internal', ipAddress: 'host-gateway' }])
      .withExposedPorts({ container: kind.containerPort, host: port })
      .withCommand([...(kind.containerCommand ?? [kind.binary]), ...args]);
    if (kind.containerUser !== undefined) container.withUser(kind.containerUser);
    if (certificate === undefined) return container;
    return container.withCopyContentToContainer([
      { content: certificate.cert, target: `${DIRECTORY}/server.crt`, mode: 0o644 },
      { content: certificate.key, target: `${DIRECTORY}/server.key`, mode: 0o644 },
    ]);
  };
  return { ca: certificate?.cert, containerOn };
}
