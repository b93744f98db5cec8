#!/usr/bin/env bash
# npm run install:system -- --prefix DIR: copies the one file that tsrun is to DIR/bin (default /usr/local).
set -euo pipefail
cd "$(dirname "$0")/.."
prefix=/usr/local
while [ $# -gt 0 ]; do
  case $1 in
    --prefix) prefix=${2:?--prefix needs a directory}; shift 2 ;;
    --prefix=*) prefix=${1#*=}; shift ;;
    *) echo "install: unknown argument: $1" >&2; exit 2 ;;
  esac
done
[ -x dist/tsrun ] || npm run --silent build
install -D -m 755 dist/tsrun "$prefix/bin/tsrun"
echo "installed $prefix/bin/tsrun"
