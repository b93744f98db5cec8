#!/usr/bin/env bash
# Puts QuickJS (static library and headers) into build/quickjs. Debian 13 and later: from the installed package.
# Debian 12 has none: the one package of the next release is taken from the machine's own mirror by a private apt
# configuration and unpacked here; the system's apt and dpkg are left as they are.
set -euo pipefail
cd "$(dirname "$0")/.."
dest=build/quickjs
release=trixie
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

if [ -e "$dest/libquickjs.a" ] && [ -e "$dest/quickjs.h" ]; then exit 0; fi
mkdir -p "$dest"

# Links the library and its headers, wherever the package has them below $1, into $dest.
use() {
  local lib header
  lib=$(find "$1/usr/lib" -name libquickjs.a -print -quit 2>/dev/null || true)
  header=$(find "$1/usr/include" -name quickjs.h -print -quit 2>/dev/null || true)
  [ -n "$lib" ] && [ -n "$header" ] || return 1
  cp "$lib" "$dest/libquickjs.a"
  cp "$(dirname "$header")"/quickjs*.h "$dest/"
}
if use ""; then exit 0; fi

# The mirror that this machine's apt uses for its main archive (not the security one).
mirror=$(apt-get indextargets --format '$(REPO_URI)|$(CODENAME)|$(ORIGIN)|$(LABEL)' 2>/dev/null | awk -F'|' '$4 == "Debian" { print $1; exit }')
if [ -z "$mirror" ]; then
  mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    sed -n -e 's/^URIs:[[:space:]]*\([^[:space:]]*\).*/\1/p' -e 's/^deb[[:space:]]\(\[[^]]*\][[:space:]]*\)\{0,1\}\([^[:space:]]*\).*/\2/p' |
    grep -E '/debian/?$' | head -n1 || true)
fi
[ -n "$mirror" ] || { echo "get-quickjs: apt names no Debian mirror; install libquickjs by hand" >&2; exit 1; }

apt=$PWD/build/apt
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/etc/preferences.d" "$apt/etc/parts"
echo "deb [signed-by=$keyring] $mirror $release main" >"$apt/etc/sources.list"
: >"$apt/status"
options=(-qq -o "Dir::Etc::SourceList=$apt/etc/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::Etc::PreferencesParts=$apt/etc/preferences.d"
  -o Dir::Etc::Preferences=/dev/null -o "Dir::State=$apt" -o "Dir::State::Lists=$apt/lists" -o "Dir::State::status=$apt/status"
  -o "Dir::Cache=$apt" -o "Dir::Cache::archives=$apt/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
  -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3)
apt-get "${options[@]}" update
(cd "$apt" && apt-get "${options[@]}" download libquickjs)
dpkg-deb -x "$apt"/libquickjs_*.deb "$apt/unpacked"
use "$apt/unpacked" || { echo "get-quickjs: the package holds no libquickjs.a" >&2; exit 1; }
rm -rf "$apt"
