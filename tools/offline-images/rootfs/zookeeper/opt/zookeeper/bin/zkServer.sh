#!/bin/bash
# What the image's own script is asked for: to become the server, and whether it serves.
set -eu
case ${1:-} in
  start-foreground)
    exec java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '/opt/zookeeper/lib/*:/conf' \
      org.apache.zookeeper.server.quorum.QuorumPeerMain /conf/zoo.cfg
    ;;
  status)
    exec 3<> /dev/tcp/127.0.0.1/2181
    printf srvr >&3
    grep '^Mode: ' <&3
    ;;
  *)
    echo "Usage: $0 start-foreground | status" >&2
    exit 2
    ;;
esac
