import type { ServerKind } from '../server.ts';
import { redis } from './redis.ts';

/** By the loader and the libraries of its own release. It takes its role from the name by which it was started. */
const START = `
for libraries in "$tree"/lib/*-linux-gnu; do
  for loader in "$libraries"/ld-linux-*.so.*; do
    exec "$loader" --inhibit-cache --library-path "$libraries" "$tree/bin/valkey-server" "$@"
  done
done
`;

/** Valkey, the fork of Redis 7.2, which speaks the same protocol. Debian has had it since the release after this machine's. */
export const valkey: ServerKind = {
  ...redis,
  name: 'valkey',
  environmentVariable: 'HOLDFAST_TEST_VALKEY_URL',
  image: 'valkey',
  binary: 'valkey-server',
  aptPackage: '',
  debianProgram: { suite: 'trixie', package: 'valkey-server', program: 'valkey-server', script: START },
};
