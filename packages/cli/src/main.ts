import { CommanderError } from 'commander';
import { splitCommand } from './arguments.ts';
import { EXIT, statusOfError, UsageError } from './exit-status.ts';
import { complain, exit, tolerateClosedOutput } from './output.ts';
import { program } from './program.ts';

tolerateClosedOutput();
// `exit` ends the process, and nothing else: sockets and timers of adapters do not keep it, and a status must come of every await.
setInterval(() => undefined, 2 ** 31 - 1);
exit(await main(process.argv.slice(2)));

async function main(argv: readonly string[]): Promise<number> {
  const isRun = argv[0] === 'run';
  const { own, command } = isRun ? splitCommand(argv) : { own: [...argv], command: undefined };
  let status: number = EXIT.ok;
  try {
    await program(command, (outcome) => (status = outcome)).parseAsync(own, { from: 'user' });
    return status;
  } catch (error) {
    return error instanceof CommanderError ? statusOfParser(error) : failed(error);
  }
}

function statusOfParser(error: CommanderError): number {
  if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version') return EXIT.ok;
  // `holdfast` alone has printed the help to stderr.
  if (error.code === 'commander.help') return EXIT.usage;
  return failed(new UsageError(`${error.message.replace(/^error: /, '')} (see holdfast --help)`));
}

function failed(error: unknown): number {
  const status = statusOfError(error);
  const message = error instanceof Error ? error.message : String(error);
  complain(status === EXIT.internal ? `internal error: ${message}` : message);
  return status;
}
