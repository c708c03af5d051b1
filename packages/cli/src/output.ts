const closed = new AbortController();

/** Aborts when nobody reads our stdout any more (`holdfast query --watch | head`). */
export const outputClosed: AbortSignal = closed.signal;

/** To be called once, first: a reader that went away must not end us with a stack trace. */
export function tolerateClosedOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => closed.abort(error));
  // Nowhere is left to complain.
  process.stderr.on('error', () => undefined);
}

export function print(text: string): void {
  if (!closed.signal.aborted) process.stdout.write(`${text}\n`);
}

/** One line on stderr, with our name in front. */
export function complain(message: string): void {
  process.stderr.write(`holdfast: ${printable(message.replaceAll(/\s*\n\s*/g, ' '))}\n`);
}

/** Exits when what was printed is on its way; a pipe takes it asynchronously on some systems. */
export function exit(status: number): void {
  process.stdout.write('', () => process.stderr.write('', () => process.exit(status)));
}

/** A lock's name may hold anything; a terminal must not act on it. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** A lock's name inside a message. */
export function quoted(name: string): string {
  return JSON.stringify(name);
}
