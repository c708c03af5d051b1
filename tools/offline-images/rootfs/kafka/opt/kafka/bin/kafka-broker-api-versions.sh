#!/bin/bash
# kafka-broker-api-versions.sh --bootstrap-server host:port: version 0 of the question of that name. Its answer begins with its
# length, the question's number, and an error, which is 0.
set -eu
if [ "${1:-}" != --bootstrap-server ]; then
  echo "Usage: $0 --bootstrap-server host:port" >&2
  exit 2
fi
exec 3<> "/dev/tcp/${2%:*}/${2##*:}"
printf '\0\0\0\x0a\0\x12\0\0\0\0\0\x01\xff\xff' >&3
head --bytes=10 <&3 | od --address-radix=n --format=x1 | grep -q '00 00 00 01 00 00$'
