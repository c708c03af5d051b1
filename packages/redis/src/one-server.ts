import { Commands } from './commands.ts';
import { diagnose } from './diagnose.ts';
import type { Link } from './link.ts';
import { acquire } from './scripts/acquire.ts';
import { release } from './scripts/release.ts';
import type { Sentinels } from './sentinel/sentinels.ts';
import { everything } from './servers.ts';
import type { OpenServers } from './servers.ts';
import { Subscription } from './subscription.ts';

export interface OneServerOptions {
  readonly commands: Link;
  readonly makeSubscriber: () => Link;
  /** Of all keys and channels. */
  readonly prefix: string;
  readonly timeoutMs: number;
  /** How many must have a grant or a renewal before it counts. */
  readonly replicas: number;
  /** That say where the master is. */
  readonly sentinels?: Sentinels | undefined;
}

/** One server, or the primary of several, wherever that is. */
export function oneServer(options: OneServerOptions): OpenServers {
  const { commands: link, makeSubscriber, prefix, timeoutMs, replicas, sentinels } = options;
  return (listener) => {
    const commands = new Commands(link, timeoutMs, replicas);
    const messages = new Subscription(prefix, makeSubscriber, {
      message: (text) => listener.message(text, commands.clock),
      subscribed: () => listener.subscribed(everything),
      reaches: (channel) => commands.subscribed(channel),
    });
    link.on('close', () => messages.doubt());
    link.on('ready', () => {
      listener.up(everything, false);
      messages.check();
    });
    return {
      runner: commands,
      scripts: { acquire, release },
      messages,
      one: commands,
      nodes: () => Promise.resolve([commands]),
      diagnose: () => diagnose({ node: commands, replicas, sentinels }),
      close() {
        messages.close();
        link.close();
        sentinels?.close();
      },
    };
  };
}
