import { Code, ZooKeeperError } from '../errors.ts';
import { create } from '../protocol/operations.ts';
import type { Acl } from '../protocol/operations.ts';
import type { ZooKeeperSession } from '../session/session.ts';
import { ancestors, segmentOf } from './paths.ts';

/** The node that the queue of one name lives under. The server removes it some time after the last request has gone. */
export class Container {
  readonly path: string;
  readonly acl: readonly Acl[];
  readonly #root: string;

  constructor(root: string, name: string, acl: readonly Acl[]) {
    this.#root = root;
    this.path = `${root}/${segmentOf(name)}`;
    this.acl = acl;
  }

  /** Creates it, and the path to it where that is missing. */
  async ensure(session: ZooKeeperSession): Promise<void> {
    if (await this.#created(session, this.path, 'container')) return;
    for (const path of ancestors(this.#root)) await this.#created(session, path, 'persistent');
    await this.#created(session, this.path, 'container');
  }

  /** `false`: its parent is missing. */
  async #created(session: ZooKeeperSession, path: string, kind: 'persistent' | 'container'): Promise<boolean> {
    try {
      await session.call(create(path, Buffer.alloc(0), this.acl, kind));
      return true;
    } catch (error) {
      if (!(error instanceof ZooKeeperError)) throw error;
      if (error.code === Code.nodeExists) return true;
      if (error.code === Code.noNode) return false;
      throw error;
    }
  }
}
