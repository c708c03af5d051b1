import type { TestHost } from './hosts.ts';
import type { DebianProgram } from './sources/debian-program.ts';
import type { GoProgram } from './sources/go-build.ts';
import type { MavenProgram } from './sources/maven.ts';

/** Where a server came from. */
export type Source = 'external' | 'container' | 'native';

export interface ServerOptions {
  /** More arguments for the server, after the default ones (the later one wins where a server allows both). */
  readonly args?: readonly string[];
  /** Clients must present it. It is part of the `url`. */
  readonly password?: string;
  /** Serve TLS with a fresh self-signed certificate, given to clients as `ca`. */
  readonly tls?: boolean;
  /** Use this source and no other. */
  readonly source?: 'container' | 'native';
  /** Where the server's binary runs; default: this machine. Not for containers. */
  readonly host?: TestHost | undefined;
  /** More variables for the server's own process, where its binary runs. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A server that answers, whoever owns it. */
export interface ServerHandle {
  readonly name: string;
  /** With the password, if any: never print it. */
  readonly url: string;
  readonly source: Source;
  readonly version: string;
  /** The certificate to trust, in PEM, when it serves TLS. */
  readonly ca?: string;
  /** Of a container. */
  readonly image?: string;
  /** Its image only stands in for the one of that name: it says so by its label `dev.holdfast.stand-in`. */
  readonly standIn?: boolean;
}

/** A server of one's own: it may be killed, frozen and restarted. */
export interface RunningServer extends ServerHandle, AsyncDisposable {
  readonly source: 'container' | 'native';
  readonly port: number;
  /** Of the server process; absent where the engine hides it. */
  readonly pid: number | undefined;
  /** Sends `signal` (default `SIGKILL`) and waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Kills it if it runs, starts it on the same port and waits until it answers. `empty`: with its data deleted. */
  restart(options?: { readonly empty?: boolean }): Promise<void>;
  /** Freezes it: connections stay open, nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends it and deletes what it wrote. Safe to call twice. */
  stop(): Promise<void>;
}

/** Where a server is to listen and to keep its files, as seen by the server itself. */
export interface Place {
  readonly host: string;
  readonly port: number;
  /** On which clients reach it at 127.0.0.1: that of the host, for a container. */
  readonly publishedPort: number;
  readonly dir: string;
}

/** What a server says about itself when it answers. */
export interface Identity {
  readonly version: string;
  /** Tells our server from another one that took the port first. */
  readonly pid?: number;
}

/** All that the testbed must know about one kind of server. */
export interface ServerKind {
  readonly name: string;
  /** A URL in this environment variable names an `external` server. */
  readonly environmentVariable: string;
  /** Key of `images.json`. */
  readonly image: string;
  readonly containerPort: number;
  readonly binary: string;
  /** Empty for a `goProgram`, a `mavenProgram` and a `debianProgram`. */
  readonly aptPackage: string;
  /** What the package brings, where `binary` is not it. */
  readonly installedFile?: string | undefined;
  /** Built where it is not installed. */
  readonly goProgram?: GoProgram;
  /** Fetched where it is not installed; `binary` then finds it on its path. */
  readonly debianProgram?: DebianProgram;
  /** Jars that `args` names, fetched at the first use. */
  readonly mavenProgram?: MavenProgram;
  /** In the image; default: `binary`. */
  readonly containerCommand?: readonly string[];
  /** Where the image's own user may not write into the directory. */
  readonly containerUser?: string;
  /**
   * A container is on the network of the host, as the native server is: members of a cluster reach each other at loopback
   * addresses, and clients each of them.
   */
  readonly hostNetwork?: boolean;
  /** What the image's entrypoint insists on. */
  readonly containerEnvironment?: Readonly<Record<string, string>>;
  /** The command line after the binary. With `tls` the directory holds `server.crt` and `server.key`. */
  args(place: Place, options: ServerOptions): string[];
  url(port: number, options: ServerOptions): string;
  /** One round trip of the server's own protocol; rejects when it can't serve yet. */
  probe(url: string, ca: string | undefined): Promise<Identity>;
}

/** No source could give the server; `reasons` says why, for each source that was tried. */
export class ServerUnavailableError extends Error {
  override readonly name = 'ServerUnavailableError';
  readonly server: string;
  readonly reasons: readonly string[];

  constructor(server: string, reasons: readonly string[], options?: ErrorOptions) {
    super(`Cannot start ${server}: ${reasons.join('; ')}`, options);
    this.server = server;
    this.reasons = reasons;
  }
}
