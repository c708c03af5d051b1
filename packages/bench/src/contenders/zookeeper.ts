import type { Contender, Notification } from '../contender.ts';
import { nowMs } from '../clock.ts';
import { holdfast } from './holdfast.ts';

const ROOT = '/bench';
const EXISTS = -110;
const SESSION_MS = 60_000;
const NOTHING = Buffer.alloc(0);

/** A session, through the client that Holdfast's adapter brings: what there is on npm is unmaintained, or has to be compiled. */
async function connected(url: string) {
  const [{ optionsOf }, { Ensemble }, { ZooKeeperSession }, { ZooKeeperError }, operations] = await Promise.all([
    import('../../../zookeeper/dist/options.js'),
    import('../../../zookeeper/dist/session/ensemble.js'),
    import('../../../zookeeper/dist/session/session.js'),
    import('../../../zookeeper/dist/errors.js'),
    import('../../../zookeeper/dist/protocol/operations.js'),
  ]);
  const { ensemble } = optionsOf({ url, options: {} });
  const session = await ZooKeeperSession.open(new Ensemble(ensemble), SESSION_MS, true);
  const create = (path: string, kind: 'persistent' | 'ephemeralSequential') =>
    session.call(operations.create(path, NOTHING, operations.OPEN_ACL, kind));
  await create(ROOT, 'persistent').catch((error: unknown) => {
    if (!(error instanceof ZooKeeperError) || error.code !== EXISTS) throw error;
  });
  return {
    session,
    create,
    remove: (path: string) => session.call(operations.remove(path)),
    watch: (path: string) => session.call(operations.getData(path, true)),
    async close() {
      session.lease.end();
      await session.close();
    },
  };
}

/** From the removal of a node until a watch of it fires. */
const notification: Notification = {
  async sender(url) {
    const { create, remove, close } = await connected(url);
    const path = `${ROOT}/notify`;
    return { arm: () => create(path, 'persistent'), send: () => remove(path), close };
  },
  async receiver(url) {
    const { session, watch, close } = await connected(url);
    const path = `${ROOT}/notify`;
    return {
      async listen() {
        const heard = new Promise<number>((resolve) => {
          session.watches.add('data', path, () => resolve(nowMs()));
        });
        await watch(path);
        return { heard };
      },
      close,
    };
  },
};

/** An ephemeral, sequential node is created and removed: two transactions. */
const raw: Contender = {
  name: 'create and delete of a node',
  role: 'raw',
  async open(url) {
    const { create, remove, close } = await connected(url);
    return {
      async acquire(name) {
        const { path } = await create(`${ROOT}/${name}-`, 'ephemeralSequential');
        return () => remove(path);
      },
      close,
    };
  },
  notification,
};

export const contenders: readonly Contender[] = [raw, holdfast];
