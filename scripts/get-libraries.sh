#!/usr/bin/env bash
# Puts the two C libraries of the released tool, QuickJS and libseccomp, into build/libraries: built with musl from Debian's source
# packages, and libseccomp once more for the shared library of a checkout. Debian 12 has no QuickJS and an older libseccomp:
# the sources of the next release are taken from the machine's own mirror by a private apt configuration; the system's stays as it is.
#   get-libraries.sh [ARCHITECTURE CPU]   arm64 aarch64: the same for that architecture, into build/arm64/libraries, with Debian's cross compiler
set -euo pipefail
cd "$(dirname "$0")/.."
arch=${1:-}
build=$PWD/build${arch:+/$arch}
dest=$build/libraries
# Where the architecture's musl and zstd are: packages of this machine's release, unpacked.
root=${arch:+$dest/root}
tools=${2:+$2-linux-gnu-}
gcc=${tools}gcc
release=trixie
quickjs=2025.04.26
seccomp=2.6.0
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
stamp="quickjs $quickjs, libseccomp $seccomp, musl-gcc, zstd"

if [ "$(cat "$dest/versions" 2>/dev/null)" = "$stamp" ]; then exit 0; fi
rm -rf "$dest"
mkdir -p "$dest/include" "$dest/musl" "$dest/pic" "$dest/kernel"

# The mirror that this machine's apt uses for its main archive (not the security one).
mirror=$(apt-get indextargets --format '$(REPO_URI)|$(CODENAME)|$(ORIGIN)|$(LABEL)' 2>/dev/null | awk -F'|' '$4 == "Debian" { print $1; exit }')
if [ -z "$mirror" ]; then
  mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    sed -n -e 's/^URIs:[[:space:]]*\([^[:space:]]*\).*/\1/p' -e 's/^deb[[:space:]]\(\[[^]]*\][[:space:]]*\)\{0,1\}\([^[:space:]]*\).*/\2/p' |
    grep -E '/debian/?$' | head -n1 || true)
fi
[ -n "$mirror" ] || { echo "get-libraries: apt names no Debian mirror to take sources from" >&2; exit 1; }

apt=$build/apt
rm -rf "$apt"
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/etc/preferences.d" "$apt/etc/parts"
echo "deb-src [signed-by=$keyring] $mirror $release main" >"$apt/etc/sources.list"
[ -z "$arch" ] || echo "deb [arch=$arch signed-by=$keyring] $mirror $(. /etc/os-release && echo "$VERSION_CODENAME") main" >>"$apt/etc/sources.list"
: >"$apt/status"
options=(-qq -o "Dir::Etc::SourceList=$apt/etc/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::Etc::PreferencesParts=$apt/etc/preferences.d"
  -o Dir::Etc::Preferences=/dev/null -o "Dir::State=$apt" -o "Dir::State::Lists=$apt/lists" -o "Dir::State::status=$apt/status"
  -o "Dir::Cache=$apt" -o "Dir::Cache::archives=$apt/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
  -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3 ${arch:+-o "APT::Architectures::=$arch"})
apt-get "${options[@]}" update
# apt checks the archive's signature and the files' hashes.
(cd "$apt" && apt-get "${options[@]}" --download-only source quickjs libseccomp && for file in *.orig.tar.?z; do tar -xf "$file"; done)

multiarch=$($gcc -print-multiarch)
if [ -z "$arch" ]; then
  ln -s "$(command -v musl-gcc)" "$dest/musl-gcc"
  headers=(/usr/include/linux /usr/include/asm-generic "/usr/include/$multiarch/asm")
else
  (cd "$apt" && apt-get "${options[@]}" download "musl-dev:$arch" "libzstd-dev:$arch" "libzstd1:$arch")
  for file in "$apt"/*.deb; do dpkg-deb -x "$file" "$root"; done
  # musl-gcc is gcc with a specs file, which names the places of musl.
  sed "s#/usr/\(lib\|include\)/[^ /]*-linux-musl#$root/usr/\1/$2-linux-musl#g" "/usr/lib/$(uname -m)-linux-musl/musl-gcc.specs" >"$dest/musl-gcc.specs"
  printf '#!/bin/sh\nexec %s "$@" -specs %s\n' "$gcc" "$dest/musl-gcc.specs" >"$dest/musl-gcc"
  chmod 755 "$dest/musl-gcc"
  headers=(/usr/$multiarch/include/{linux,asm-generic,asm})
fi
# musl has no kernel headers of its own.
ln -s "${headers[@]}" "$dest/kernel"
ln -s "$root"/usr/include/zstd*.h "$dest/include"
ln -s "$root/usr/lib/$multiarch/libzstd.so.1" "$dest/pic/libzstd.so"

musl=(-O2 -fno-pie -ffunction-sections -fdata-sections -isystem "$dest/kernel")
cp "$apt/quickjs-$quickjs/quickjs.h" "$dest/include/"
for file in quickjs dtoa libregexp libunicode cutils; do
  "$dest/musl-gcc" "${musl[@]}" -fwrapv -D_GNU_SOURCE "-DCONFIG_VERSION=\"$quickjs\"" -w -c "$apt/quickjs-$quickjs/$file.c" -o "$dest/$file.o" &
  pids="${pids:-} $!"
done
for pid in $pids; do wait "$pid"; done
"${tools}ar" rcs "$dest/musl/libquickjs.a" "$dest"/*.o
rm "$dest"/*.o

# gperf would only make again what the release has ready.
build_seccomp() { # where to, compiler, CFLAGS, LDFLAGS
  mkdir "$apt/$1"
  (cd "$apt/$1" && CC=$2 CFLAGS=$3 LDFLAGS=$4 ac_cv_prog_GPERF=true ac_cv_prog_ac_ct_GPERF=true \
    "../libseccomp-$seccomp/configure" --quiet ${arch:+"--host=$multiarch"} --disable-shared --enable-static && make -s -C src libseccomp.la) >"$apt/$1.log" 2>&1 ||
    { cat "$apt/$1.log" >&2; exit 1; }
  cp "$apt/$1/src/.libs/libseccomp.a" "$dest/$1/"
}
build_seccomp musl "$dest/musl-gcc" "${musl[*]}" "-static -no-pie"
build_seccomp pic "$gcc" "-O2 -fPIC" ""
cp "$apt/musl/include/seccomp.h" "$apt/libseccomp-$seccomp/include/seccomp-syscalls.h" "$dest/include/"
rm -rf "$apt"
echo "$stamp" >"$dest/versions"
