#!/bin/sh
set -eu
if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then set -- valkey-server "$@"; fi
if [ "$1" = valkey-server ]; then
  # As in the official image, which is compiled so: the container's network protects it.
  case "$*" in *protected-mode*) ;; *) set -- "$@" --protected-mode no ;; esac
  if [ "$(id -u)" = 0 ]; then
    chown -R valkey .
    set -- setpriv --reuid=valkey --regid=valkey --init-groups "$@"
  fi
fi
exec "$@"
