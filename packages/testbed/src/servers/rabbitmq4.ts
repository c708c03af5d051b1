import type { ServerKind } from '../server.ts';
import { rabbitmq } from './rabbitmq.ts';

/** Erlang's own script looks for Erlang where it would have been installed. */
const ERL = `
export ROOTDIR="$tree/lib/erlang" EMU=beam PROGNAME=erl
for BINDIR in "$ROOTDIR"/erts-*/bin; do
  export BINDIR
  exec "$BINDIR/erlexec" "$@"
done
`;

/** RabbitMQ 4, where `rabbitmq` is the older one of this machine's package. In a container both are the same. */
export const rabbitmq4: ServerKind = {
  ...rabbitmq,
  name: 'rabbitmq4',
  environmentVariable: 'HOLDFAST_TEST_RABBITMQ4_URL',
  aptPackage: '',
  installedFile: undefined,
  debianProgram: {
    suite: 'trixie',
    package: 'rabbitmq-server',
    program: 'erl',
    family: 'lib/erlang',
    script: ERL,
  },
};
