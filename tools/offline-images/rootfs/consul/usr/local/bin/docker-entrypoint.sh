#!/bin/sh
set -eu
if [ "${1#-}" != "$1" ] || [ "$1" = agent ]; then
  if [ "$1" = agent ]; then shift; fi
  set -- consul agent -data-dir=/consul/data -config-dir=/consul/config "$@"
fi
if [ "$1" = consul ] && [ "$(id -u)" = 0 ]; then
  chown -R consul /consul
  set -- setpriv --reuid=consul --regid=consul --init-groups "$@"
fi
exec "$@"
