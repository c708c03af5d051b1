import { join } from 'node:path';
import { nowMicros } from '../clock.ts';
import type { ClientSpec, FromClient } from '../client/spec.ts';
import { HISTORY_SUFFIX } from '../history/read.ts';
import type { HistoryWriter } from '../history/writer.ts';
import type { ClientHost, RunningClient } from './client-host.ts';

export interface CrewOptions {
  readonly host: ClientHost;
  readonly size: number;
  /** Of the run: histories and outputs go there. */
  readonly directory: string;
  /** For the deaths of clients. */
  readonly history: HistoryWriter;
  readonly spec: (client: number) => Omit<ClientSpec, 'client' | 'life' | 'history'>;
  readonly environment: (client: number) => Readonly<Record<string, string>>;
}

interface Member {
  life: number;
  running: RunningClient | undefined;
  killed: boolean;
  counts: FromClient;
  begun: Promise<void>;
}

const nothing: FromClient = { operations: 0, grants: 0, losses: 0 };

/** The clients of a run, each of which may die and live again. */
export class Crew {
  readonly #options: CrewOptions;
  readonly #members: Member[];
  readonly #over: Promise<unknown>[] = [];
  #before: FromClient = nothing;
  #stopping = false;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.#members = Array.from({ length: options.size }, () => ({
      life: 0,
      running: undefined,
      killed: false,
      counts: nothing,
      begun: Promise.resolve(),
    }));
  }

  get counts(): FromClient {
    return this.#members.reduce((sum, { counts }) => add(sum, counts), this.#before);
  }

  /** Resolves when every client is about to work, or has ended. */
  async start(): Promise<void> {
    for (let client = 0; client < this.#members.length; client += 1) this.revive(client);
    await Promise.all(this.#members.map(({ begun }) => begun));
  }

  /** Another life for a client that has none. */
  revive(client: number): void {
    const member = this.#member(client);
    if (member.running !== undefined || this.#stopping) return;
    const { host, directory, spec, environment } = this.#options;
    member.life += 1;
    member.killed = false;
    this.#before = add(this.#before, member.counts);
    member.counts = nothing;
    const { life } = member;
    const history = join(directory, `client-${client}.${life}${HISTORY_SUFFIX}`);
    let begin = (): void => undefined;
    member.begun = new Promise((resolve) => {
      begin = resolve;
    });
    member.running = host.start(
      { ...spec(client), client, life, history },
      {
        output: join(directory, `client-${client}.output.txt`),
        environment: environment(client),
        onCounts: (counts) => {
          begin();
          if (member.life === life) member.counts = counts;
        },
      },
    );
    this.#over.push(
      member.running.ended.then((status) => {
        begin();
        this.#ended(client, member, status);
      }),
    );
  }

  kill(client: number): void {
    const member = this.#member(client);
    if (member.running === undefined) return;
    member.killed = true;
    // Before the signal: what the backend does because of it comes later than this.
    this.#options.history.write({ type: 'killed', t: nowMicros(), client, life: member.life });
    member.running.kill();
  }

  freeze(client: number): void {
    this.#member(client).running?.freeze();
  }

  thaw(client: number): void {
    this.#member(client).running?.thaw();
  }

  /** All clients come to an end, which they have `graceMs` for. Resolves with those that did not. */
  async stop(graceMs: number): Promise<string[]> {
    this.#stopping = true;
    for (const { running } of this.#members) running?.stop();
    await Promise.race([Promise.all(this.#over), new Promise((resolve) => setTimeout(resolve, graceMs).unref())]);
    return this.#members.flatMap(({ life, running }, client) =>
      running === undefined ? [] : [`client ${client}.${life} did not end within ${graceMs} ms of being told to`],
    );
  }

  /** Whatever still runs. */
  async end(): Promise<void> {
    this.#stopping = true;
    for (let client = 0; client < this.#members.length; client += 1) {
      this.thaw(client);
      this.kill(client);
    }
    await Promise.all(this.#over);
  }

  #ended(client: number, member: Member, status: string | undefined): void {
    member.running = undefined;
    if (member.killed || (status === undefined && this.#stopping)) return;
    const { life } = member;
    this.#options.history.write({ type: 'died', t: nowMicros(), client, life, status: status ?? 'status 0' });
  }

  #member(client: number): Member {
    const member = this.#members[client];
    if (member === undefined) throw new RangeError(`There is no client ${client}`);
    return member;
  }
}

function add(a: FromClient, b: FromClient): FromClient {
  return { operations: a.operations + b.operations, grants: a.grants + b.grants, losses: a.losses + b.losses };
}
