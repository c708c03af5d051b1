#!/bin/sh
set -eu
user=${DB_USER:-postgres}
printf '"%s" "%s"\n' "$user" "${DB_PASSWORD:-}" > /etc/pgbouncer/userlist.txt
cat > /etc/pgbouncer/pgbouncer.ini <<END
[databases]
${DB_NAME:-*} = host=${DB_HOST:?Set DB_HOST} port=${DB_PORT:-5432} auth_user=$user
[pgbouncer]
listen_addr = 0.0.0.0
listen_port = ${LISTEN_PORT:-5432}
unix_socket_dir =
auth_file = /etc/pgbouncer/userlist.txt
auth_type = ${AUTH_TYPE:-md5}
pool_mode = ${POOL_MODE:-session}
max_client_conn = ${MAX_CLIENT_CONN:-100}
admin_users = ${ADMIN_USERS:-postgres}
ignore_startup_parameters = extra_float_digits
END
exec "$@"
