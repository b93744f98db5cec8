#!/usr/bin/env bash
# npm run install:system -- --prefix DIR: copies tsrun, which is one file, to DIR/bin (default /usr/local), and the image tool
# (`tsrun image`), which is two, to DIR/lib/tsrun, where the executable looks for it.
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
[ -x dist/tsrun ] && [ -e dist/tsrun-image.mjs ] && [ -e dist/tsrun-image.node ] || npm run --silent build
install -D -m 755 dist/tsrun "$prefix/bin/tsrun"
install -D -m 644 -t "$prefix/lib/tsrun" dist/tsrun-image.mjs dist/tsrun-image.node
echo "installed $prefix/bin/tsrun and $prefix/lib/tsrun"
