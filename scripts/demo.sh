#!/usr/bin/env bash
# `npm run demo`: a real container from a real bundle, step by step. Everything is in a directory of its own and is removed at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "demo: needs root: containers with cgroups are made" >&2; exit 1; }
[ -x dist/tsrun ] || node_modules/.bin/bun scripts/build.ts
tsrun=$PWD/dist/tsrun
work=$(mktemp -d "${TMPDIR:-/tmp}/tsrun-demo.XXXXXX")
id=demo-$$
cleanup() {
  "$tsrun" --root "$work/state" delete --force "$id" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

step() { printf '\n# %s\n' "$1"; }
show() {
  printf '$ tsrun %s\n' "$*"
  "$tsrun" --root "$work/state" "$@"
}
# Edits config.json: the new args, no terminal.
set_args() {
  node -e 'const fs = require("fs"), [path, ...args] = process.argv.slice(1), config = JSON.parse(fs.readFileSync(path));
    config.process.terminal = false; config.process.args = args; fs.writeFileSync(path, JSON.stringify(config, null, 2));' config.json "$@"
}

step "a root filesystem: Debian's static busybox"
mkdir -p "$work/bundle/rootfs/bin"
cp /bin/busybox "$work/bundle/rootfs/bin/"
for applet in sh ls ps id hostname sleep mount cat; do ln -s busybox "$work/bundle/rootfs/bin/$applet"; done
ls "$work/bundle/rootfs/bin" | tr '\n' ' '
echo
cd "$work/bundle"

step "a config.json"
show spec
set_args sh -c 'echo "hello from pid $$ on $(hostname)"; id; ps'

step "run it in the foreground"
show run "$id"

step "now the steps that engines take: create sets everything up, the program waits"
set_args sh -c 'echo "the program has started"; exec sleep 60'
# The container keeps our standard output: a file, so that the demo need not wait for its end.
echo "\$ tsrun create $id"
"$tsrun" --root "$work/state" create "$id" >"$work/output" 2>&1
show state "$id"

step "start lets it go"
show start "$id"
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s "$work/output" ] && break; sleep 0.1; done
cat "$work/output"
show list

step "kill and delete"
show kill "$id" KILL
show delete --force "$id"

step "an error says which line of config.json, which system call, and the way out"
sed -i 's|"type": "mqueue"|"type": "mqueu"|' config.json
show run "$id" || true
printf '\nThat was it.\n'
