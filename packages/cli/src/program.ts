import { createRequire } from 'node:module';
import { Command, Option } from 'commander';
import { durationOption, permitsOption } from './arguments.ts';
import { UsageError } from './exit-status.ts';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

const backendHelp =
  'URL or configured name of the backend; else HOLDFAST_URL, else `default` of holdfast.config.{json,mjs,ts}, else files of this user on this host';

/** The command line. Each command's code is loaded when it is called: `run` must start fast. */
export function program(command: readonly string[] | undefined, done: (status: number) => void): Command {
  const holdfast = new Command('holdfast')
    .description('Locks between processes, from the shell.')
    .version(version)
    // `main` prints errors, as one line.
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .helpCommand(false)
    .addHelpText('after', statusHelp);
  addRun(holdfast, command, done);
  addOthers(holdfast, done);
  return holdfast;
}

interface RunFlags {
  readonly backend?: string;
  readonly wait?: string | boolean;
  readonly ttl?: string;
  readonly shared?: boolean;
  readonly permits?: string;
  readonly grace: string;
}

function addRun(holdfast: Command, command: readonly string[] | undefined, done: (status: number) => void): void {
  const waits = new Set<string>();
  const run = holdfast
    .command('run')
    .summary('run a command while holding a lock')
    .description("Waits for the lock, runs the command, releases the lock, and exits with the command's status.")
    .usage('<name> [options] -- command [args...]')
    .argument('<name>', 'name of the lock, 1 to 1024 bytes')
    .option('--backend <url|name>', backendHelp)
    .addOption(
      new Option(
        '--wait <duration>',
        'give up after this time, with status 75 (default: that of the config, else never)',
      ),
    )
    .addOption(new Option('--no-wait', 'give up at once if the lock is not free, with status 75').default(undefined))
    .option(
      '--ttl <duration>',
      'how long the lock outlives a holder that crashed or is cut off (default: that of the config, else 30s)',
    )
    .option('--shared', 'hold it together with other --shared ones')
    .option('--permits <n>', 'a semaphore: up to n may hold it at once')
    .option('--grace <duration>', 'if the lock is lost: time between SIGTERM and SIGKILL', '10s')
    .on('option:wait', () => waits.add('--wait'))
    .on('option:no-wait', () => waits.add('--no-wait'))
    .addHelpText('after', runHelp)
    .allowExcessArguments(command === undefined);
  run.action(async (name: string, flags: RunFlags) => {
    if (command === undefined)
      throw new UsageError('missing `--` before the command: holdfast run NAME [options] -- COMMAND [args...]');
    if (command.length === 0 || command[0] === '')
      throw new UsageError('missing command after `--`: holdfast run NAME [options] -- COMMAND [args...]');
    if (waits.size > 1) throw new UsageError('--wait and --no-wait exclude each other');
    if (flags.shared === true && flags.permits !== undefined)
      throw new UsageError('--shared and --permits exclude each other');
    const options = {
      backend: flags.backend,
      wait:
        typeof flags.wait === 'string'
          ? durationOption('--wait', flags.wait)
          : waits.has('--no-wait')
            ? (false as const)
            : undefined,
      ttl: flags.ttl === undefined ? undefined : durationOption('--ttl', flags.ttl),
      shared: flags.shared === true,
      permits: flags.permits === undefined ? undefined : permitsOption(flags.permits),
      grace: durationOption('--grace', flags.grace),
    };
    done(await (await import('./run.ts')).run(name, command, options));
  });
}

interface QueryFlags {
  readonly backend?: string;
  readonly json?: boolean;
  readonly watch?: boolean;
}

function addOthers(holdfast: Command, done: (status: number) => void): void {
  holdfast
    .command('query')
    .description('Shows who holds and who waits for a lock, or for all locks.')
    .argument('[name]', 'name of the lock (default: all)')
    .option('--backend <url|name>', backendHelp)
    .option('--json', 'print JSON; with --watch one line per change')
    .option('--watch', 'go on until Ctrl-C')
    .action(async (name: string | undefined, { backend, json = false, watch = false }: QueryFlags) => {
      done(await (await import('./query.ts')).query(name, { backend, json, watch }));
    });
  holdfast
    .command('doctor')
    .description(
      'Says which backend is chosen and why, and checks it: reachable, version, privileges, clock, what it promises, and a lock taken and released.',
    )
    .argument('[url|name]', backendHelp)
    .option('--json', 'print JSON')
    .action(async (backend: string | undefined, { json = false }: { json?: boolean }) => {
      done(await (await import('./doctor.ts')).doctor(backend, json));
    });
  holdfast
    .command('conformance')
    .description('Runs the conformance suite against a backend; takes minutes and starts processes that are killed.')
    .argument('<url>', 'backend')
    .option('--json', 'print the result as JSON')
    .action(async (url: string, { json = false }: { json?: boolean }) => {
      done(await (await import('./conformance.ts')).conformance(url, json));
    });
}

const runHelp = `
Durations have a unit: 500ms, 30s, 5m. The command gets HOLDFAST_NAME and HOLDFAST_FENCING_TOKEN.

Example:
  holdfast run nightly-report --no-wait -- ./report.sh
  holdfast run deploy --wait 10m --backend redis://cache:6379 -- ./deploy.sh production`;

const statusHelp = `
Exit status:
  the command's own (128+n if signal n ended it), or
  64  wrong usage or configuration     75  lock not acquired in time
  69  backend unavailable              76  lock lost while the command ran
  70  internal error                   126, 127  command not executable, not found`;
