import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';
import { keepNamespaces, removeNamespaces } from './keeper/keeper.ts';
import { findBinary } from './sources/binary.ts';

const run = promisify(execFile);

/** A network namespace of this machine: a host with a loopback interface and an address of its own. */
export interface TestHost {
  readonly name: string;
  readonly address: string;
}

/**
 * Hosts on a network of their own, which this machine reaches, too. What is done to a host's packets is done in its own namespace by
 * its own packet filter: nothing of this machine's is changed but for one interface.
 */
export interface TestHosts extends AsyncDisposable {
  readonly hosts: readonly TestHost[];
  /** No packet passes between `host` and the other hosts; clients on this machine reach all of them. */
  partition(host: TestHost): Promise<void>;
  /** No packet passes between `host` and anybody else. */
  isolate(host: TestHost): Promise<void>;
  /** Each packet to and from `host` is dropped with this probability, 0 to 1. */
  lose(host: TestHost, probability: number): Promise<void>;
  /** Undoes all of it. */
  heal(host: TestHost): Promise<void>;
}

/** On Linux, as root. Rejects where namespaces can't be made. */
export async function startHosts(size: number): Promise<TestHosts> {
  await Promise.all([findBinary('ip', 'iproute2'), findBinary('iptables', 'iptables')]);
  const id = randomInt(2 ** 24)
    .toString(16)
    .padStart(6, '0');
  const net = freeNetwork();
  const hub = `holdfast-${id}-hub`;
  const hosts = Array.from({ length: size }, (_, i) => ({
    name: `holdfast-${id}-${i + 1}`,
    address: `${net}.${i + 11}`,
  }));
  const names = [hub, ...hosts.map(({ name }) => name)];
  await keepNamespaces(names);
  const dispose = (): Promise<void> => removeNamespaces(names);
  try {
    await lay(id, net, hub, hosts);
  } catch (error) {
    await dispose();
    throw error;
  }
  const filter = async (host: TestHost, rules: readonly string[][]): Promise<void> => {
    for (const rule of rules) await ip('netns', 'exec', host.name, 'iptables', '--wait', ...rule);
  };
  return {
    hosts,
    partition: (host) =>
      filter(
        host,
        hosts
          .filter((other) => other !== host)
          .flatMap(({ address }) => [drop('INPUT', '--source', address), drop('OUTPUT', '--destination', address)]),
      ),
    isolate: (host) => filter(host, [drop('INPUT', '!', '-i', 'lo'), drop('OUTPUT', '!', '-o', 'lo')]),
    lose(host, probability) {
      const some = ['-m', 'statistic', '--mode', 'random', '--probability', `${probability}`];
      return filter(host, [drop('INPUT', '!', '-i', 'lo', ...some), drop('OUTPUT', '!', '-o', 'lo', ...some)]);
    },
    heal: (host) => filter(host, [['--flush']]),
    [Symbol.asyncDispose]: dispose,
  };
}

/** A bridge in a namespace of its own, so that no filter of this machine's sees what the hosts say to each other. */
async function lay(id: string, net: string, hub: string, hosts: readonly TestHost[]): Promise<void> {
  await ip('netns', 'add', hub);
  await ip('-n', hub, 'link', 'add', 'bridge', 'type', 'bridge');
  await ip('-n', hub, 'link', 'set', 'bridge', 'up');
  const plug = async (end: readonly string[], there: string): Promise<void> => {
    await ip('link', 'add', there, 'netns', hub, 'type', 'veth', 'peer', 'name', ...end);
    await ip('-n', hub, 'link', 'set', there, 'master', 'bridge', 'up');
  };
  const own = `hf${id}`;
  await plug([own], 'machine');
  await ip('address', 'add', `${net}.1/24`, 'dev', own);
  await ip('link', 'set', own, 'up');
  for (const [i, { name, address }] of hosts.entries()) {
    await ip('netns', 'add', name);
    await plug(['eth0', 'netns', name], `host${i + 1}`);
    await ip('-n', name, 'address', 'add', `${address}/24`, 'dev', 'eth0');
    for (const device of ['lo', 'eth0']) await ip('-n', name, 'link', 'set', device, 'up');
  }
}

function drop(chain: 'INPUT' | 'OUTPUT', ...match: readonly string[]): string[] {
  return ['--append', chain, ...match, '--jump', 'DROP'];
}

/** The first three numbers of a private network that this machine has no address in. */
function freeNetwork(): string {
  const taken = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address));
  for (;;) {
    const net = `10.${randomInt(200, 255)}.${randomInt(256)}`;
    if (!taken.some((address) => address.startsWith(`${net}.`))) return net;
  }
}

async function ip(...args: readonly string[]): Promise<void> {
  await run('ip', args);
}
