import { execFile } from 'node:child_process';
import { mkdir, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { isExecutable, look } from './binary.ts';

const run = promisify(execFile);

const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** A server of another release of Debian than this machine's. */
export interface DebianProgram {
  readonly suite: string;
  readonly package: string;
  readonly program: string;
  /** Below `usr` of its tree: programs that start each other. Then this machine's own `program` is not asked for. */
  readonly family?: string;
  /** What starts `program`, where it is not `sbin/program` of the tree, which is `$tree`. */
  readonly script?: string;
}

/**
 * Unpacks the package `$3` of the release `$2`, and all it depends on down to the C library, into `$1/tree`, by an apt that
 * knows neither the packages nor the sources of this machine; `$4` are the keys it trusts. `$1/bin/$5` starts the
 * program with the loader and the libraries of its own release, or is the script `$7`; so are all programs below `$6` of
 * the tree, if given, which start each other. What was killed leaves its directory to the next one.
 */
const UNPACK = `
set -eu
dir=$1 suite=$2 package=$3 keys=$4 program=$5 family=$6 script=$7
[ ! -x "$dir/bin/$program" ] || exit 0
rm -rf "$dir/new" "$dir/tree" && mkdir -p "$dir/new/apt/lists/partial" "$dir/new/apt/archives/partial" "$dir/new/tree" "$dir/bin"
cd "$dir/new"
: > apt/status
echo "deb [signed-by=$keys] http://deb.debian.org/debian $suite main" > apt/sources.list
apt() {
  apt-get --quiet --yes --no-install-recommends -o APT::Sandbox::User= -o Acquire::Languages=none \\
    -o Dir::State="$PWD/apt" -o Dir::State::status="$PWD/apt/status" -o Dir::Cache="$PWD/apt" \\
    -o Dir::Etc::SourceList="$PWD/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \\
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null "$@"
}
apt update
apt install --download-only "$package"
for archive in apt/archives/*.deb; do dpkg-deb --extract "$archive" tree; done
rm -rf tree/usr/share/doc tree/usr/share/man tree/usr/share/locale
cat > start <<'END'
for libraries in "$tree"/lib/*-linux-gnu; do
  for loader in "$libraries"/ld-linux-*.so.*; do
    exec "$loader" --inhibit-cache --library-path "$libraries" "$program" "$@"
  done
done
END
if [ -n "$family" ]; then
  find "tree/usr/$family" -type f -perm /111 ! -name '*.so' -exec grep -lI '' {} + > texts || true
  find "tree/usr/$family" -type f -perm /111 ! -name '*.so' | grep -vxFf texts | while read -r file; do
    mv "$file" "$file.elf"
    { printf '#!/bin/sh\ntree=%s program=$0.elf\n' "'$dir/tree/usr'"; cat start; } > "$file"
    chmod 755 "$file"
  done
fi
{
  printf '#!/bin/sh\ntree=%s\n' "'$dir/tree/usr'"
  if [ -n "$script" ]; then printf '%s\n' "$script"; else printf 'program=$tree/sbin/%s\n' "$program"; cat start; fi
} > "bin-$program"
chmod 755 "bin-$program"
mv tree "$dir/tree"
mv "bin-$program" "$dir/bin/$program"
cd / && rm -rf "$dir/new"
`;

/**
 * A search path on which the program is: this machine's own, or with a directory in front into which the packages
 * are unpacked at the first use. Nothing is installed, so nobody need be root.
 */
export async function pathTo({
  suite,
  package: name,
  program,
  family = '',
  script = '',
}: DebianProgram): Promise<string> {
  const path = process.env['PATH'] ?? '';
  // One that is a link is another program, which stands in for it: MariaDB calls itself mysqld, too.
  const installed = await look(program);
  if (family === '' && installed !== undefined && basename(await realpath(installed)) === program) return path;
  const dir = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'holdfast', `${name}-${suite}`);
  const extended = [join(dir, 'bin'), path].join(delimiter);
  if (await isExecutable(join(dir, 'bin', program))) return extended;
  if ((await look('apt-get')) === undefined)
    throw new Error(`${program} is not installed and there is no apt-get to fetch it with: install ${name}`);
  await mkdir(dir, { recursive: true });
  process.stderr.write(`testbed: fetching ${name} and its libraries from Debian ${suite} into ${dir}\n`);
  try {
    // The kernel drops the lock with the process: of parallel runs one unpacks, and one that is killed keeps nobody out.
    await run(
      'flock',
      [join(dir, 'lock'), '/bin/sh', '-c', UNPACK, 'unpack', dir, suite, name, KEYS, program, family, script],
      {
        env: { ...process.env, LC_ALL: 'C' },
        maxBuffer: 64 * 1024 * 1024,
      },
    );
  } catch (cause) {
    const { stderr } = cause as { stderr?: string };
    throw new Error(`fetching ${name} from Debian ${suite} failed: ${(stderr || String(cause)).trim().slice(-600)}`, {
      cause,
    });
  }
  return extended;
}
