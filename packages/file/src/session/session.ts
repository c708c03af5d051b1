import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import { ConfigError } from '@holdfast/core/adapter';
import { listen } from './endpoint.ts';
import { sweepSockets } from './sweep.ts';

/** `sun_path` less its NUL, in bytes; 103 on macOS. */
const MAX_SOCKET_PATH = 103;

/** This process as the others see it: an id, and a socket that lives as long as the process. */
export class Session {
  readonly id: string = `${process.pid}-${randomBytes(12).toString('base64url')}`;
  readonly #directory: string;
  #fd: number | undefined;
  #server: Server | undefined;
  #sweep: Promise<void> | undefined;

  /** `directory` must exist when the session is opened. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Before the first append: an id in a log without a socket would look dead. */
  async open(onConnection: (socket: Socket) => void): Promise<void> {
    // A socket's path has 107 bytes at most. Through the open directory it is short wherever the directory lies.
    if (process.platform === 'linux') this.#fd = openSync(this.#directory, constants.O_RDONLY | constants.O_DIRECTORY);
    const path = this.pathOf(this.id);
    if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
      throw new ConfigError(
        `The path of ${this.#directory} is too long for the sockets in it: choose a directory with a shorter one`,
      );
    }
    try {
      this.#server = await listen(path, onConnection);
    } catch (error) {
      this.#closeDirectory();
      throw error;
    }
    // In the background; what it fails to remove is left to the next session.
    this.#sweep = sweepSockets(this.#directory, (session) => this.pathOf(session), this.id).then(
      undefined,
      () => undefined,
    );
  }

  pathOf(session: string): string {
    return join(this.#fd === undefined ? this.#directory : `/proc/self/fd/${this.#fd}`, session);
  }

  /** After the last append: from here on others may take the session for dead. Removes the socket. */
  async close(): Promise<void> {
    await this.#sweep;
    const server = this.#server;
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
    this.#server = undefined;
    this.#closeDirectory();
  }

  #closeDirectory(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
