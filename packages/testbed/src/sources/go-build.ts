import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isExecutable, look } from './binary.ts';

const run = promisify(execFile);

/** A server that is a Go module, of which Debian has no package. */
export interface GoProgram {
  /** Also that of the executable. */
  readonly name: string;
  readonly module: string;
  readonly version: string;
  /** What the module's go.mod excludes: Go heeds that only in the main module, which is ours. */
  readonly exclude: readonly string[];
}

/**
 * Builds `$3` at version `$4` with the Go command `$2` as `$1/$5`; the rest is excluded. The module has its own go.sum, which
 * vouches for its dependencies. A build that was killed leaves its directory to the next one.
 */
const BUILD = `
set -eu
dir=$1 go=$2 module=$3 version=$4 name=$5
shift 5
[ ! -x "$dir/$name" ] || exit 0
rm -rf "$dir/build" && mkdir "$dir/build" && cd "$dir/build"
export GOFLAGS=-mod=mod GOWORK=off
"$go" mod init holdfast.invalid/build
for excluded; do "$go" mod edit -exclude "$excluded"; done
"$go" mod edit -require "$module@$version"
"$go" mod download "$module@$version"
cp "$("$go" list -m -f '{{.Dir}}' "$module")/go.sum" go.sum && chmod u+w go.sum
"$go" build -trimpath -ldflags '-s -w' -o "$name" "$module"
mv "$name" "$dir/$name"
rm -rf "$dir/build"
`;

/** Where the executable is: on this machine, or in the user's cache directory, where it is built at the first use. */
export async function goBuild({ name, module, version, exclude }: GoProgram): Promise<string> {
  const installed = await look(name);
  if (installed !== undefined) return installed;
  const dir = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'holdfast', `${name}-${version}`);
  const executable = join(dir, name);
  if (await isExecutable(executable)) return executable;
  const go = await look('go');
  if (go === undefined)
    throw new Error(`${name} is not installed and there is no Go to build it with: install one of them`);
  await mkdir(dir, { recursive: true });
  process.stderr.write(`testbed: building ${name} ${version} from its Go module into ${dir}, which takes minutes\n`);
  try {
    // The kernel drops the lock with the process: of parallel runs one builds, and one that is killed keeps nobody out.
    await run(
      'flock',
      [join(dir, 'lock'), '/bin/sh', '-c', BUILD, 'build', dir, go, module, `v${version}`, name, ...exclude],
      {
        maxBuffer: 64 * 1024 * 1024,
      },
    );
  } catch (cause) {
    const { stderr } = cause as { stderr?: string };
    throw new Error(`building ${name} ${version} failed: ${(stderr ?? String(cause)).trim().slice(-600)}`, { cause });
  }
  return executable;
}
