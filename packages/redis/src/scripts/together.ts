import { acquire, acquireLua } from './acquire.ts';
import { release, releaseLua } from './release.ts';
import { script } from './script.ts';
import type { Script } from './script.ts';

const KEYS_EACH = 4;
const ARGS_EACH = 3;

/**
 * Several of {@link acquire} and {@link release}, one after the other. To find and start a script costs the server as much as what one of them
 * does, and to send a command and match its reply costs the client more than that.
 *
 * - KEYS: those of the first, those of the second, …
 * - ARGV: three of each: entry, ttl in ms, and `wait`, `try` or `steal`; or entry, `0` and `release`
 * - Result: one of each. An error ends it where it occurs; they are then to be run one by one, which is right for what has run already, too.
 */
export const together: Script = script(`
local function acquire(KEYS, ARGV)
${acquireLua}
end
local function release(KEYS, ARGV)
${releaseLua}
end
local results = {}
for i = 1, #ARGV / ${ARGS_EACH} do
  local k, a = (i - 1) * ${KEYS_EACH}, (i - 1) * ${ARGS_EACH}
  local run = ARGV[a + 3] == 'release' and release or acquire
  results[i] = run({ KEYS[k + 1], KEYS[k + 2], KEYS[k + 3], KEYS[k + 4] }, { ARGV[a + 1], ARGV[a + 2], ARGV[a + 3] })
end
return results
`);

/** The arguments of a script among others; `undefined` if it can't be. */
export function argsTogether(one: Script, args: readonly string[]): readonly string[] | undefined {
  if (one === acquire) return args;
  return one === release ? [...args, '0', 'release'] : undefined;
}
