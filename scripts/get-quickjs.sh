#!/usr/bin/env bash
# Puts QuickJS (static library and headers) into build/quickjs, built with musl from Debian's source package. Debian 12 has none:
# that of the next release is taken from the machine's own mirror by a private apt configuration; the system's apt stays as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
dest=build/quickjs
release=trixie
version=2025.04.26
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

if [ -e "$dest/libquickjs.a" ] && [ -e "$dest/version" ] && [ "$(cat "$dest/version")" = "$version-musl" ]; then exit 0; fi
rm -rf "$dest"
mkdir -p "$dest"

# The mirror that this machine's apt uses for its main archive (not the security one).
mirror=$(apt-get indextargets --format '$(REPO_URI)|$(CODENAME)|$(ORIGIN)|$(LABEL)' 2>/dev/null | awk -F'|' '$4 == "Debian" { print $1; exit }')
if [ -z "$mirror" ]; then
  mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    sed -n -e 's/^URIs:[[:space:]]*\([^[:space:]]*\).*/\1/p' -e 's/^deb[[:space:]]\(\[[^]]*\][[:space:]]*\)\{0,1\}\([^[:space:]]*\).*/\2/p' |
    grep -E '/debian/?$' | head -n1 || true)
fi
[ -n "$mirror" ] || { echo "get-quickjs: apt names no Debian mirror; put libquickjs.a and its headers into $dest by hand" >&2; exit 1; }

apt=$PWD/build/apt
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/etc/preferences.d" "$apt/etc/parts"
echo "deb-src [signed-by=$keyring] $mirror $release main" >"$apt/etc/sources.list"
: >"$apt/status"
options=(-qq -o "Dir::Etc::SourceList=$apt/etc/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::Etc::PreferencesParts=$apt/etc/preferences.d"
  -o Dir::Etc::Preferences=/dev/null -o "Dir::State=$apt" -o "Dir::State::Lists=$apt/lists" -o "Dir::State::status=$apt/status"
  -o "Dir::Cache=$apt" -o "Dir::Cache::archives=$apt/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
  -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3)
apt-get "${options[@]}" update
# apt checks the archive's signature and the file's hash.
(cd "$apt" && apt-get "${options[@]}" --download-only source "quickjs=$version-1" && tar -xf "quickjs_$version.orig.tar.xz")

source=$apt/quickjs-$version
cp "$source"/quickjs.h "$dest/"
for file in quickjs dtoa libregexp libunicode cutils; do
  musl-gcc -O2 -fwrapv -fno-pie -ffunction-sections -fdata-sections -D_GNU_SOURCE "-DCONFIG_VERSION=\"$version\"" -w -c "$source/$file.c" -o "$dest/$file.o" &
  pids="${pids:-} $!"
done
for pid in $pids; do wait "$pid"; done
ar rcs "$dest/libquickjs.a" "$dest"/*.o
rm -rf "$apt" "$dest"/*.o
echo "$version-musl" >"$dest/version"
