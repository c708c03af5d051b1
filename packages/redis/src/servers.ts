import type { Diagnosis } from '@holdfast/core/adapter';
import type { Call } from './call.ts';
import type { Commands, Counts, Invocation } from './commands.ts';
import type { Link } from './link.ts';
import type { ScriptCommand } from './script-command.ts';
import type { Script } from './scripts/script.ts';
import type { ServerClock } from './server-clock.ts';

/** What is behind a backend: one server, or a cluster. */
export interface Servers {
  readonly runner: Runner;
  readonly scripts: { readonly acquire: Script; readonly release: Script };
  readonly messages: Messages;
  /** Where all is on one server, which can vote in a quorum. */
  readonly one?: Commands;
  /** Each that has keys of its own. Rejects with `BackendUnavailableError`. */
  readonly nodes: () => Promise<readonly Node[]>;
  /** Rejects with `BackendUnavailableError`. */
  diagnose(): Promise<Diagnosis>;
  close(): void;
}

/** Where scripts run. */
export interface Runner {
  /** `counts`: which replies count only once replicas have what they say. */
  start(script: Script, invocation: Invocation, counts?: Counts): Call;
  /** Asks once more when the connection failed; only for what may be repeated. `made`: by {@link make}, of the same. */
  run(script: Script, invocation: Invocation, made?: ScriptCommand): Promise<unknown>;
  /** What is to be sent, for one `run`, where it can be made before: that takes as long as all else until it is on its way. */
  make?(script: Script, invocation: Invocation): ScriptCommand | undefined;
  /** One script for many keys, in few writes. One result or error each, in order. */
  runAll(script: Script, invocations: readonly Invocation[], counts?: Counts): Promise<unknown[]>;
}

/** One server. */
export interface Node {
  readonly link: Link;
  /** `work`, but no longer than a command may take. */
  bounded<T>(work: Promise<T>): Promise<T>;
}

/** The way by which the scripts tell this backend of grants and thefts. */
export interface Messages {
  /** What an entry says of it. */
  readonly address: string;
  /** Whether messages about `name` come here, as far as is known. */
  ready(name: string): boolean;
  /** Resolves once they come; rejects with `BackendUnavailableError`. */
  open(name: string): Promise<void>;
  /** `name` is held here: its theft is worth a message, if nobody waits for that. */
  heed(name: string): void;
  /** Makes sure that they still come. */
  verify(name: string): void;
}

/** Whether an event is about that name. */
export type Concerns = (name: string) => boolean;

/** What the backend wants to know of its servers. */
export interface ServersListener {
  /** By the server whose clock that is. Without one it is a hint, and whom it concerns must ask. */
  message(text: string, clock: ServerClock | undefined): void;
  /**
   * A connection for commands is up, perhaps again, or what it concerns is served by another server now. `isReached`: messages come, as far as
   * is known, so that who waits may ask, too; before that it would be passed over.
   */
  up(concerns: Concerns, isReached: boolean): void;
  /** Messages come, for the first time or again: whatever was sent before is lost. */
  subscribed(concerns: Concerns): void;
  /** The names that anybody here waits for or holds. */
  used(): Set<string>;
}

export type OpenServers = (listener: ServersListener) => Servers;

export const everything: Concerns = () => true;
