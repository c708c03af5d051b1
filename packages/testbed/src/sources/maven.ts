import { execFile } from 'node:child_process';
import { access, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findBinary } from './binary.ts';

const run = promisify(execFile);

const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';

/** A server that is jars in a Maven repository. */
export interface MavenProgram {
  readonly name: string;
  readonly version: string;
  /** `group:artifact:version` each. */
  readonly artifacts: readonly string[];
}

/**
 * Copies the artifacts `$4`… and all they depend on into `$1/jars`, with the Maven command `$2` and its goal `$3`. What was
 * killed while it copied leaves its directory to the next one.
 */
const FETCH = `
set -eu
dir=$1 mvn=$2 goal=$3
shift 3
[ ! -d "$dir/jars" ] || exit 0
rm -rf "$dir/new" && mkdir "$dir/new"
{
  echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
  echo '<groupId>holdfast.invalid</groupId><artifactId>jars</artifactId><version>0</version><dependencies>'
  for artifact; do
    IFS=: read -r group name version <<END
$artifact
END
    echo "<dependency><groupId>$group</groupId><artifactId>$name</artifactId><version>$version</version></dependency>"
  done
  echo '</dependencies></project>'
} > "$dir/new/pom.xml"
"$mvn" --quiet --batch-mode --file "$dir/new/pom.xml" "$goal" -DincludeScope=runtime -DoutputDirectory="$dir/new/jars"
mv "$dir/new/jars" "$dir/jars"
rm -rf "$dir/new"
`;

/** Where the jars are, once they have been fetched. */
export function jarsOf(program: MavenProgram): string {
  return join(cacheOf(program), 'jars');
}

/** Fetches the jars into the user's cache directory at the first use. */
export async function fetchJars(program: MavenProgram): Promise<void> {
  await findBinary('java', 'default-jre-headless');
  if (await isThere(jarsOf(program))) return;
  const mvn = await findBinary('mvn', 'maven');
  const dir = cacheOf(program);
  await mkdir(dir, { recursive: true });
  process.stderr.write(`testbed: fetching ${program.name} ${program.version} with Maven into ${dir}\n`);
  try {
    // The kernel drops the lock with the process: of parallel runs one fetches, and one that is killed keeps nobody out.
    await run('flock', [join(dir, 'lock'), '/bin/sh', '-c', FETCH, 'fetch', dir, mvn, COPY, ...program.artifacts], {
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (cause) {
    // Maven writes its errors to stdout.
    const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string };
    const output = `${stdout}${stderr}`.trim() || String(cause);
    throw new Error(`fetching ${program.name} ${program.version} failed: ${output.slice(0, 600)}`, { cause });
  }
}

function cacheOf({ name, version }: MavenProgram): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'holdfast', `${name}-${version}`);
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
