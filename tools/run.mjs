/** Small pieces that the tools share. They need nothing but Node. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

export const readJson = (path) => JSON.parse(readFileSync(resolve(root, path), 'utf8'));

/** Runs a command without a word; if it fails, throws with all that it printed. */
export async function quietly(command, args, options = {}) {
  let output = '';
  const child = spawn(command, args, { cwd: root, ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new CommandError(`${command} ${args.join(' ')} failed (${code})\n${output}`);
  return output;
}

/** Its message says it all: print it without a stack. */
export class CommandError extends Error {}

/** Runs a tool's main function and turns what goes wrong into a message and an exit status. */
export async function main(body) {
  try {
    process.exitCode = (await body()) ?? 0;
  } catch (error) {
    console.error(error instanceof CommandError ? error.message : error);
    process.exitCode = 1;
  }
}

export const isMain = (url) => process.argv[1] === fileURLToPath(url);
