import type { StartedTestContainer } from 'testcontainers';
import { selfSigned } from '../certificate.ts';
import type { Certificate } from '../certificate.ts';
import { images } from '../images.ts';
import { onFreePort } from '../port.ts';
import { untilReady } from '../ready.ts';
import type { Identity, RunningServer, ServerKind, ServerOptions } from '../server.ts';

const DIRECTORY = '/data';

/** The server's image, on a host port of our choice: a port that the engine chooses changes with every restart. */
export async function startContainer(kind: ServerKind, options: ServerOptions): Promise<RunningServer> {
  const certificate = options.tls ? await selfSigned() : undefined;
  const ca = certificate?.cert;

  const ready = (port: number, container: StartedTestContainer): Promise<Identity> =>
    untilReady(
      () => kind.probe(kind.url(port, options), ca),
      () => undefined,
    ).catch(async (error: unknown) => {
      await container.stop();
      throw error;
    });
  const launch = async (port: number) => {
    const container = await create(kind, options, port, certificate);
    return { port, container, identity: await ready(port, container) };
  };

  let { port, container, identity } = await onFreePort(launch);
  let stopped: Promise<void> | undefined;
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    const handle = await handleOf(container);
    const { State: state } = await handle.inspect();
    if (!state.Running) return;
    await handle.kill({ signal });
    await handle.wait();
  };

  const running: RunningServer = {
    name: kind.name,
    url: kind.url(port, options),
    source: 'container',
    version: identity.version,
    port,
    pid: undefined,
    ...(ca === undefined ? {} : { ca }),
    kill: (signal = 'SIGKILL') => kill(signal),
    async restart(how) {
      await kill('SIGKILL');
      if (how?.empty) {
        await container.stop();
        ({ container } = await launch(port));
        return;
      }
      await (await handleOf(container)).start();
      await ready(port, container);
    },
    pause: async () => void (await (await handleOf(container)).pause()),
    resume: async () => void (await (await handleOf(container)).unpause()),
    stop: () => (stopped ??= container.stop({ timeout: 0 }).then(() => undefined)),
    [Symbol.asyncDispose]: () => running.stop(),
  };
  return running;
}

async function create(
  kind: ServerKind,
  options: ServerOptions,
  port: number,
  certificate: Certificate | undefined,
): Promise<StartedTestContainer> {
  const { GenericContainer } = await import('testcontainers');
  const image = images[kind.image];
  if (image === undefined) throw new Error(`images.json has no ${kind.image}`);
  const args = kind.args({ host: '0.0.0.0', port: kind.containerPort, dir: DIRECTORY }, options);
  const container = new GenericContainer(image)
    .withExposedPorts({ container: kind.containerPort, host: port })
    .withCommand([kind.binary, ...args]);
  if (certificate !== undefined) {
    container.withCopyContentToContainer([
      { content: certificate.cert, target: `${DIRECTORY}/server.crt`, mode: 0o644 },
      { content: certificate.key, target: `${DIRECTORY}/server.key`, mode: 0o644 },
    ]);
  }
  return container.start();
}

async function handleOf(container: StartedTestContainer) {
  const { getContainerRuntimeClient } = await import('testcontainers');
  return (await getContainerRuntimeClient()).container.getById(container.getId());
}
