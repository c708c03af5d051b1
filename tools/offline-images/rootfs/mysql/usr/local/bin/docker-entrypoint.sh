#!/bin/sh
set -eu
if [ "${1#-}" != "$1" ]; then set -- mariadbd "$@"; fi
if [ "$1" != mariadbd ]; then exec "$@"; fi
if [ "$(id -u)" = 0 ]; then
  mkdir -p /var/lib/mysql /run/mysqld
  chown -R mysql /var/lib/mysql /run/mysqld
  exec setpriv --reuid=mysql --regid=mysql --init-groups "$0" "$@"
fi
if [ ! -d /var/lib/mysql/mysql ]; then
  password=${MARIADB_ROOT_PASSWORD:-${MYSQL_ROOT_PASSWORD:-}} database=${MARIADB_DATABASE:-${MYSQL_DATABASE:-}}
  if [ -z "$password${MARIADB_ALLOW_EMPTY_ROOT_PASSWORD:-${MYSQL_ALLOW_EMPTY_PASSWORD:-}}" ]; then
    echo 'Set MARIADB_ROOT_PASSWORD or MARIADB_ALLOW_EMPTY_ROOT_PASSWORD' >&2
    exit 1
  fi
  {
    if [ -n "$database" ]; then printf 'CREATE DATABASE `%s`;\n' "$database"; fi
    printf "FLUSH PRIVILEGES;\nALTER USER root@localhost IDENTIFIED BY '%s';\n" "$password"
    printf "CREATE USER root@'%%' IDENTIFIED BY '%s';\nGRANT ALL ON *.* TO root@'%%' WITH GRANT OPTION;\n" "$password"
    printf "CREATE USER healthcheck@127.0.0.1 IDENTIFIED BY '';\n"
  } > /tmp/first.sql
  mariadb-install-db --datadir=/var/lib/mysql --extra-file=/tmp/first.sql --auth-root-authentication-method=normal \
    --skip-test-db > /dev/null
  rm /tmp/first.sql
fi
# As in the official image: nobody need ask who a client is.
exec "$@" --skip-name-resolve
