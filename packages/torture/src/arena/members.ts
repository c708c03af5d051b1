import type { TestHosts } from '@holdfast/testbed';
import type { Cluster } from '@holdfast/testbed';

/** Which member leads, as far as one leads for all; `undefined`: nobody does at the moment, or each leads a part. */
export type LeaderOf = (cluster: Cluster) => Promise<number | undefined>;

/** What can be done to a cluster each of whose members runs on a host of its own. */
export class Members {
  readonly size: number;
  readonly #cluster: Cluster;
  readonly #network: TestHosts;
  readonly #leaderOf: LeaderOf;

  constructor(cluster: Cluster, network: TestHosts, leaderOf: LeaderOf) {
    this.size = cluster.members.length;
    this.#cluster = cluster;
    this.#network = network;
    this.#leaderOf = leaderOf;
  }

  /** Where nobody leads for all, any member will do: it leads a part. */
  async leader(): Promise<number> {
    return (await this.#leaderOf(this.#cluster)) ?? 0;
  }

  kill(member: number): Promise<void> {
    return this.#member(member).kill();
  }

  restart(member: number): Promise<void> {
    return this.#member(member).restart();
  }

  freeze(member: number): Promise<void> {
    return this.#member(member).pause();
  }

  thaw(member: number): Promise<void> {
    return this.#member(member).resume();
  }

  /** From the other members; clients still reach it. */
  partition(member: number): Promise<void> {
    return this.#network.partition(this.#host(member));
  }

  /** From everybody. */
  isolate(member: number): Promise<void> {
    return this.#network.isolate(this.#host(member));
  }

  lose(member: number, probability: number): Promise<void> {
    return this.#network.lose(this.#host(member), probability);
  }

  heal(member: number): Promise<void> {
    return this.#network.heal(this.#host(member));
  }

  #member(index: number): Cluster['members'][number] {
    const member = this.#cluster.members[index];
    if (member === undefined) throw new RangeError(`There is no member ${index}`);
    return member;
  }

  #host(index: number): TestHosts['hosts'][number] {
    const host = this.#network.hosts[index];
    if (host === undefined) throw new RangeError(`There is no host ${index}`);
    return host;
  }
}
