#!/usr/bin/env bash
# Builds with musl-gcc, below /musl, what the library and its tests need and
# Debian has for its own C library alone, from Debian's sources. For
# scripts/cross-check.
set -euo pipefail

jobs=${JOBS:-$(nproc)}
prefix=/musl
export CC=musl-gcc
[ ! -e $prefix/made ] || exit 0
rm -rf $prefix /tmp/sources
mkdir -p $prefix /tmp/sources
cd /tmp/sources
apt-get update -qq
# As nobody, apt could not read what it fetches.
apt-get source -qq --download-only -o APT::Sandbox::User=root \
    cjson cmocka curl libmicrohttpd mbedtls zlib
for description in *.dsc; do
    dpkg-source --no-check -x "$description" "${description%%_*}"
done

# with_cmake NAME [OPTION...]
with_cmake() {
    cmake -G Ninja -S "$1" -B "$1-build" -DCMAKE_INSTALL_PREFIX=$prefix \
        -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBUILD_SHARED_LIBS=OFF "${@:2}"
    cmake --build "$1-build" -j "$jobs"
    cmake --install "$1-build"
}

# with_configure NAME [OPTION...]
with_configure() {
    cd "$1"
    ./configure --prefix=$prefix "${@:2}"
    make -j "$jobs"
    make install
    cd ..
}

with_cmake cjson -DENABLE_CJSON_TEST=OFF
with_cmake cmocka -DUNIT_TESTING=OFF -DWITH_EXAMPLES=OFF
with_cmake mbedtls -DENABLE_PROGRAMS=OFF -DENABLE_TESTING=OFF
with_configure zlib --static
with_configure libmicrohttpd --disable-shared --disable-https --disable-doc \
    --disable-examples --disable-curl
# With TLS, or the library would refuse it.
with_configure curl --disable-shared --with-mbedtls=$prefix --disable-ldap \
    --disable-manual --with-zlib=$prefix --without-libpsl --without-brotli \
    --without-zstd --without-nghttp2 --without-libidn2 --without-librtmp
touch $prefix/made
