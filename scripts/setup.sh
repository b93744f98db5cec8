#!/usr/bin/env bash
# Installs what a checkout needs: npm packages, Debian packages, QuickJS and libseccomp, the native libraries. Fast when all is there.
# Every npm script begins with it, so that the README's commands are enough on a fresh machine.
set -euo pipefail
cd "$(dirname "$0")/.."

# package: a program or file that shows that it is there
packages=(
  gcc:/usr/bin/gcc make:/usr/bin/make libc6-dev:/usr/include/stdio.h linux-libc-dev:/usr/include/linux/mount.h
  musl-tools:/usr/bin/musl-gcc xz-utils:/usr/bin/xz libzstd-dev:/usr/include/zstd.h
  busybox-static:/bin/busybox clang-format:/usr/bin/clang-format runc:/usr/sbin/runc crun:/usr/bin/crun uidmap:/usr/bin/newuidmap
  umoci:/usr/bin/umoci skopeo:/usr/bin/skopeo python3:/usr/bin/python3 zstd:/usr/bin/zstd
)

missing=()
for entry in "${packages[@]}"; do [ -e "${entry#*:}" ] || missing+=("${entry%%:*}"); done
if [ "${#missing[@]}" -gt 0 ]; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "setup: these Debian packages are missing: ${missing[*]}" >&2
    echo "setup: as root: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  echo "setup: installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# A lock file newer than what is installed means that packages have changed.
if [ ! -x node_modules/.bin/bun ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo "setup: npm packages"
  # Not "npm ci": it wants the optional packages of every other platform in the lock file as well.
  npm install --ignore-scripts --no-save --no-audit --no-fund --loglevel=error
fi
# The package's own launcher downloads nothing, but wants its install script; the binary itself is in a package of the platform.
if ! node_modules/.bin/bun --version >/dev/null 2>&1; then
  platform=$(ls -d node_modules/@oven/bun-linux-*/bin/bun 2>/dev/null | grep -v -e musl -e baseline | head -n1 || true)
  [ -n "$platform" ] || { echo "setup: no Bun for this machine among the npm packages" >&2; exit 1; }
  ln -sf "../../$platform" node_modules/.bin/bun
fi

bash scripts/get-libraries.sh
make -s -C native init
make -s -C native/shim
make -s -C native/image
