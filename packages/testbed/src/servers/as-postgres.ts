/**
 * Runs the script `$1` with the rest; `$3` is the directory. PostgreSQL and PgBouncer refuse to run as root: then as the user
 * whom package and image bring. A namespace for System V memory, where one is allowed, ends with the server: one that is
 * killed would leave its segment behind.
 */
export const AS_POSTGRES = `
set -eu
if [ "$(id -u)" != 0 ]; then exec sh -c "$@"; fi
mkdir -p "$3"
chown -R postgres "$3"
if command -v gosu > /dev/null; then as='gosu postgres'; else as='setpriv --reuid=postgres --regid=postgres --init-groups'; fi
if unshare --ipc true 2> /dev/null; then as="unshare --ipc $as"; fi
exec $as sh -c "$@"
`;
