#!/bin/sh
# The two questions that docker-compose.yml asks: does it answer over TCP, and is InnoDB ready?
set -eu
ask() { mariadb --protocol=tcp --host=127.0.0.1 --user=healthcheck --skip-ssl --batch --skip-column-names --execute="$1"; }
for question; do
  case $question in
    --connect) ask 'SELECT 1' > /dev/null ;;
    --innodb_initialized) ask "SELECT 1 FROM information_schema.ENGINES WHERE ENGINE = 'InnoDB'" | grep -q 1 ;;
    *)
      echo "$0: no such question: $question" >&2
      exit 2
      ;;
  esac
done
