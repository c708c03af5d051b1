#!/bin/sh
set -eu
if [ "${1#-}" != "$1" ]; then set -- mysqld "$@"; fi
if [ "$1" != mysqld ]; then exec "$@"; fi
if [ "$(id -u)" = 0 ]; then
  mkdir -p /var/lib/mysql /run/mysqld
  chown -R mysql /var/lib/mysql /run/mysqld
  exec setpriv --reuid=mysql --regid=mysql --init-groups "$0" "$@"
fi
if [ ! -d /var/lib/mysql/mysql ]; then
  password=${MYSQL_ROOT_PASSWORD:-} database=${MYSQL_DATABASE:-}
  if [ -z "$password${MYSQL_ALLOW_EMPTY_PASSWORD:-}" ]; then
    echo 'Set MYSQL_ROOT_PASSWORD or MYSQL_ALLOW_EMPTY_PASSWORD' >&2
    exit 1
  fi
  {
    if [ -n "$database" ]; then printf 'CREATE DATABASE `%s`;\n' "$database"; fi
    printf "ALTER USER root@localhost IDENTIFIED BY '%s';\n" "$password"
    printf "CREATE USER root@'%%' IDENTIFIED BY '%s';\nGRANT ALL ON *.* TO root@'%%' WITH GRANT OPTION;\n" "$password"
  } > /tmp/first.sql
  mysqld --no-defaults --initialize-insecure --datadir=/var/lib/mysql --init-file=/tmp/first.sql
  rm /tmp/first.sql
fi
# As in the official image: nobody need ask who a client is.
exec "$@" --secure-file-priv=NULL --skip-name-resolve
