#!/bin/sh
set -eu
if [ "$1" != zkServer.sh ]; then exec "$@"; fi
if [ "$(id -u)" = 0 ]; then
  chown -R zookeeper /conf /data /datalog
  exec setpriv --reuid=zookeeper --regid=zookeeper --init-groups "$0" "$@"
fi
if [ ! -f /conf/zoo.cfg ]; then
  cat > /conf/zoo.cfg <<END
dataDir=/data
dataLogDir=/datalog
clientPort=2181
tickTime=${ZOO_TICK_TIME:-2000}
initLimit=${ZOO_INIT_LIMIT:-5}
syncLimit=${ZOO_SYNC_LIMIT:-2}
maxClientCnxns=${ZOO_MAX_CLIENT_CNXNS:-60}
admin.enableServer=${ZOO_ADMINSERVER_ENABLED:-true}
END
fi
exec "$@"
