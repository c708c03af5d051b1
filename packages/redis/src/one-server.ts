import { Commands } from './commands.ts';
import { diagnose } from './diagnose.ts';
import type { Link } from './link.ts';
import { acquire } from './scripts/acquire.ts';
import { release } from './scripts/release.ts';
import { everything } from './servers.ts';
import type { OpenServers } from './servers.ts';
import { Subscription } from './subscription.ts';

export interface OneServerOptions {
  readonly commands: Link;
  readonly makeSubscriber: () => Link;
  /** Of all keys and channels. */
  readonly prefix: string;
  readonly timeoutMs: number;
}

/** One server, or one address that leads to the primary of several. */
export function oneServer({ commands: link, makeSubscriber, prefix, timeoutMs }: OneServerOptions): OpenServers {
  return (listener) => {
    const commands = new Commands(link, timeoutMs);
    const messages = new Subscription(prefix, makeSubscriber, {
      message: (text) => listener.message(text, commands.clock),
      subscribed: () => listener.subscribed(everything),
    });
    link.on('ready', () => listener.up(everything));
    return {
      runner: commands,
      scripts: { acquire, release },
      messages,
      nodes: () => Promise.resolve([commands]),
      diagnose: () => diagnose(commands),
      close() {
        messages.close();
        link.close();
      },
    };
  };
}
