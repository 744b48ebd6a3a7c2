#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# deps.sh x86_64|arm64 builds what the static binary is linked from into build/deps/ARCH:
#   cc            compiler for static musl programs of that architecture
#   include, lib  OpenSSL, curl, cJSON and ISA-L, from Debian's source packages
#   versions      what is inside, one "package version" a line
#   materials     the files it was built from, one "package version SHA-256 file" a line
#   licenses      Debian's copyright file of each package
# deps.sh ARCH outdated compares them with what Debian has now (.ci/outdated.py).
#
# Packages are fetched through an apt of our own, with the sources and keys of the machine:
# nothing under /etc or /var changes, and apt verifies signatures and checksums. OpenSSL comes
# from a later release of Debian (or Ubuntu), whose OpenSSL has long-term support; its archive is
# the machine's own.
# Nothing is done when the stamp (this file, its helper and the compiler's version) matches.
set -eu

arch=$1
case $arch in
x86_64) debian=amd64 gnu=x86_64-linux-gnu musl=x86_64-linux-musl
    openssl_target=linux-x86_64 tune= ;;
# Every Lambda arm64 host is a Neoverse N1 (Graviton2) or newer.
arm64) debian=arm64 gnu=aarch64-linux-gnu musl=aarch64-linux-musl
    openssl_target=linux-aarch64 tune='-march=armv8.2-a+crypto -mtune=neoverse-n1' ;;
*) echo "deps.sh: unknown architecture '$arch' (x86_64, arm64)" >&2; exit 2 ;;
esac

cd "$(dirname "$0")/.."
mkdir -p build/deps
root=$PWD
out=$PWD/build/deps/$arch
work=$PWD/build/deps/work-$arch
log=$PWD/build/deps/$arch.log
jobs=$(nproc)

exec 9>"build/deps/$arch.lock"
flock 9

stamp="$( { cat .ci/deps.sh .ci/isal.c .ci/patches/*/*; $gnu-gcc -dumpfullversion; } | sha256sum | cut -d' ' -f1)"
if [ "${2-}" != outdated ] && [ "$(cat "$out/stamp" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi

trap 'status=$?
      if [ $status -ne 0 ]; then
          tail -n 25 "$log" >&2
          echo "deps.sh: failed; the whole log is $log" >&2
      fi
      rm -rf "$work"' EXIT
rm -rf "$work"
mkdir -p "$work"
: >"$log"

say() { echo "deps $arch: $*"; }

# --- fetching ---------------------------------------------------------------------------------

# The release that OpenSSL is from, and its series of long-term support.
. /etc/os-release
case $ID in
ubuntu) openssl_release=resolute ;; # 26.04 LTS
*) openssl_release=trixie ;;        # Debian 13
esac
openssl_series=3.5

# apt_set_up DIRECTORY [RELEASE]: $apt_options for the machine's release of Debian or another one.
apt_set_up() {
    apt=$work/$1
    release=${2-$VERSION_CODENAME}
    mkdir -p "$apt/parts" "$apt/lists/partial" "$apt/cache/archives/partial"
    : >"$apt/status"
    for list in /etc/apt/sources.list.d/*.sources; do
        [ -e "$list" ] || continue
        sed -e 's/^Types:.*/Types: deb deb-src/' \
            -e "/^Suites:/s/$VERSION_CODENAME/$release/g" "$list" >"$apt/parts/$(basename "$list")"
    done
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -e "$list" ] || continue
        sed -n "/^deb[[:space:]]/{s/\([[:space:]]\)$VERSION_CODENAME/\1$release/;p;s/^deb/deb-src/p}" \
            "$list" >"$apt/parts/$(basename "$list" .list).list"
    done
    apt_options="-qq -o APT::Architecture=$debian -o APT::Architectures::=$debian
        -o Dir::State=$apt -o Dir::State::status=$apt/status -o Dir::State::lists=$apt/lists
        -o Dir::Cache=$apt/cache -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
        -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=$apt/parts
        -o Acquire::Languages=none -o Acquire::Retries=3
        -o APT::Sandbox::User=root -o APT::Update::Post-Invoke-Success::="
    apt-get $apt_options update >>"$log" 2>&1
}

# newest_source PACKAGE [VERSION]: the newest version that the archive lists, below VERSION.
newest_source() {
    newest=
    for version in $(apt-cache $apt_options showsrc --only-source "$1" 2>>"$log" |
        sed -n 's/^Version: //p'); do
        if { [ -z "${2-}" ] || dpkg --compare-versions "$version" lt "$2"; } &&
            { [ -z "$newest" ] || dpkg --compare-versions "$version" gt "$newest"; }; then
            newest=$version
        fi
    done
    echo "$newest"
}

# fetch_debian_source PACKAGE: the newest version of which the archive serves all. It lists the
# sources of security updates, but does not always serve Debian's part of them; `make outdated`
# then says which security fixes are missing.
fetch_debian_source() {
    package=$1
    candidate=$(newest_source "$package")
    taken=$candidate
    until apt-get $apt_options source --download-only --only-source "$package=$taken" \
        >>"$log" 2>&1; do
        taken=$(newest_source "$package" "$taken")
        [ -n "$taken" ] || { say "the archive serves no source of $package" >&2; exit 1; }
    done
    [ "$taken" = "$candidate" ] ||
        say "note: the archive does not serve the source of $package $candidate, using $taken"
    dsc=$(ls "${package}_${taken#*:}.dsc")
    dpkg-source --no-copy -x "$dsc" "$package" >>"$log" 2>&1
    apply_our_patches "$package" "$taken"
    echo "$package $taken" >>versions
    mkdir -p licenses
    cp "$package/debian/copyright" "licenses/$package"
    parts=$(sed -n '/^Checksums-Sha256:/,/^[^ ]/s/^ [0-9a-f]* [0-9]* //p' "$dsc")
    sha256sum "$dsc" $parts | sed "s/^/$package $taken /" >>materials
}

# Security fixes that Debian has, but not in a source that can be had: .ci/patches/PACKAGE/CVE.patch.
# Each names the one version that it is for. On a source whose changelog names the CVE it is left
# out; on any other it stops the build.
apply_our_patches() {
    for patch in "$root/.ci/patches/$1"/*.patch; do
        [ -e "$patch" ] || continue
        cve=$(basename "$patch" .patch)
        if grep -q "$cve" "$1/debian/changelog"; then
            say "note: $1 $2 has the fix of $cve, ours is left out"
        elif [ "$(sed -n 's/^Version: //p' "$patch")" = "$2" ]; then
            patch -d "$1" -p1 --fuzz=0 <"$patch" >>"$log" 2>&1
        else
            say "$patch is not for $1 $2, which does not say that it has the fix" >&2
            exit 1
        fi
    done
}

fetch_binaries() {
    mkdir debs
    (cd debs && apt-get $apt_options download musl-dev linux-libc-dev >>"$log" 2>&1)
    for deb in debs/*.deb; do
        dpkg-deb -x "$deb" root
        dpkg-deb -W --showformat='${Package} ${Version}\n' "$deb" >package
        (cd debs && sha256sum "${deb#debs/}") | sed "s/^/$(cat package) /" >>materials
        sed -n '/^musl-dev /p' package >>versions
    done
    cp root/usr/share/doc/musl-dev/copyright licenses/musl-dev
}

if [ "${2-}" = outdated ]; then
    [ -e "$out/versions" ] || { say "not built yet" >&2; exit 1; }
    apt_set_up apt
    printf '%s\n' $apt_options >"$work/options"
    apt_set_up apt-openssl $openssl_release
    printf '%s\n' $apt_options >"$work/options-openssl"
    python3 .ci/outdated.py "$out/versions" "$work" && exit 0
    trap - EXIT # the library is at fault, not this script
    rm -rf "$work"
    exit 1
fi

start=$(date +%s)
say "fetching Debian packages"
cd "$work"
apt_set_up apt-openssl $openssl_release ||
    { say "the archive of the release $openssl_release cannot be reached" >&2; exit 1; }
fetch_debian_source openssl
case $taken in
$openssl_series.*) ;;
*) say "OpenSSL $taken is not of the series $openssl_series" >&2; exit 1 ;;
esac
apt_set_up apt || { say "the Debian archive cannot be reached" >&2; exit 1; }
fetch_debian_source curl
fetch_debian_source cjson
fetch_debian_source libisal
fetch_binaries

# --- compiler ---------------------------------------------------------------------------------

rm -rf "$out"
mkdir -p "$out/lib" "$out/include" "$out/musl/include" "$out/musl/lib"
cp -a "$work/root/usr/include/$musl/." "$out/musl/include/"
cp -a "$work/root/usr/lib/$musl/." "$out/musl/lib/"
rm -f "$out/musl/lib/libc.so"
# musl has no kernel headers.
mkdir "$out/linux"
cp -a "$work/root/usr/include/linux" "$work/root/usr/include/asm-generic" "$out/linux/"
cp -a "$work/root/usr/include/$gnu/asm" "$out/linux/"

# MUSL_ROOT comes from the wrapper below, so the whole of build/ can be moved or copied.
cat >"$out/musl.specs" <<'SPECS'
%rename cpp_options old_cpp_options

*cpp_options:
-nostdinc -isystem %:getenv(MUSL_ROOT /musl/include) -isystem include%s -isystem %:getenv(MUSL_ROOT /linux) %(old_cpp_options)

*cc1:
%(cc1_cpu) -nostdinc -isystem %:getenv(MUSL_ROOT /musl/include) -isystem include%s -isystem %:getenv(MUSL_ROOT /linux)

*link_libgcc:
-L%:getenv(MUSL_ROOT /musl/lib) -L .%s

*libgcc:
libgcc.a%s

*startfile:
%:getenv(MUSL_ROOT /musl/lib/crt1.o) %:getenv(MUSL_ROOT /musl/lib/crti.o) crtbeginT.o%s

*endfile:
crtend.o%s %:getenv(MUSL_ROOT /musl/lib/crtn.o)

*link:
-nostdlib -static

*esp_link:


*esp_options:


*esp_cpp_options:


SPECS
cat >"$out/cc" <<CC
#!/bin/sh
MUSL_ROOT=\$(dirname "\$0")
export MUSL_ROOT
exec $gnu-gcc -specs "\$MUSL_ROOT/musl.specs" -fno-pie -no-pie -static $tune "\$@"
CC
chmod +x "$out/cc"

# --- libraries --------------------------------------------------------------------------------

# Every object is built under the same relative name on every machine.
SOURCE_DATE_EPOCH=315532800
export SOURCE_DATE_EPOCH
cc=$out/cc
flags="-Os -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables"
flags="$flags -fstack-protector-strong -fstack-clash-protection"
flags="$flags -ffile-prefix-map=$work=. -ffile-prefix-map=$out=."

compile() { # compile DIRECTORY LIBRARY FLAGS SOURCE...: a library that needs no configure
    directory=$1 library=$2 extra=$3
    shift 3
    (
        cd "$directory"
        "$cc" $flags $extra -c "$@"
        $gnu-ar rcs "$out/lib/$library" *.o
    ) >>"$log" 2>&1
}

# What of ISA-L unpacks, see isal.c, and for speed, which is all that it is here for. The unit tests
# link it, too, and are position-independent. The C sources stay, for the fuzzers.
isal_c="igzip_inflate.c hufftables_c.c crc_base.c isal.c"
isal() {
    mkdir -p "$out/include/isa-l" "$out/isal"
    cp libisal/include/*.h "$out/include/isa-l/"
    cp libisal/include/*.h libisal/igzip/*.h libisal/igzip/igzip_inflate.c \
        libisal/igzip/hufftables_c.c libisal/crc/crc_base.c "$root/.ci/isal.c" "$out/isal/"
    mkdir isal-build
    cp "$out"/isal/* isal-build/
    case $arch in
    x86_64)
        for part in igzip/rfc1951_lookup igzip/igzip_decode_block_stateless_01 \
            igzip/igzip_decode_block_stateless_04 crc/crc32_gzip_refl_by8; do
            (cd libisal && nasm -f elf64 -Iinclude/ -Iigzip/ $part.asm \
                -o "../isal-build/$(basename $part).o")
        done ;;
    arm64)
        for part in igzip/aarch64/igzip_decode_huffman_code_block_aarch64 \
            crc/aarch64/crc32_gzip_refl_crc_ext; do
            (cd libisal && "$cc" $flags -D__ASSEMBLY__ -Iinclude -Iigzip -c $part.S \
                -o "../isal-build/$(basename $part).o")
        done ;;
    esac
    compile isal-build libisal.a '-O2 -fPIE -I.' $isal_c
}

say "ISA-L, cJSON"
isal >>"$log" 2>&1
compile cjson libcjson.a '' cJSON.c
mkdir -p "$out/include/cjson"
cp cjson/cJSON.h "$out/include/cjson/"

say "OpenSSL"
# no-async: musl has no makecontext. RSA and EC stay, with TLS 1.2 and 1.3.
(
    mkdir "$work/openssl-build"
    cd "$work/openssl-build"
    # 660 KB of AES-GCM for processors with AVX-512; the code for AVX2 keeps up with any network.
    gcm=../openssl/crypto/modes/asm/aes-gcm-avx512.pl
    sed -i 's/^if (\$avx512vaes>0) {/if (0) {/' $gcm
    grep -q '^if (0) {' $gcm
    CC=$cc AR=$gnu-ar RANLIB=$gnu-ranlib perl ../openssl/Configure $openssl_target \
        no-pic --prefix=/usr --libdir=lib --openssldir=/etc/pki/tls enable-ec_nistp_64_gcc_128 \
        no-shared no-module no-dso no-engine no-dynamic-engine no-static-engine no-legacy \
        no-tests no-autoload-config no-afalgeng no-async no-ktls no-ssl3 no-tls1 no-tls1_1 \
        no-dtls no-srp no-psk no-srtp no-nextprotoneg no-ct no-cms no-cmp no-ts no-comp \
        no-rfc3779 no-ocsp no-md4 no-mdc2 no-rmd160 no-whirlpool no-blake2 no-sm2 no-sm3 no-sm4 \
        no-aria no-bf no-camellia no-cast no-des no-idea no-rc2 no-rc4 no-seed no-gost no-siv \
        no-ocb no-siphash no-scrypt no-dsa no-dh no-ec2m no-ui-console \
        no-quic no-ml-kem no-ml-dsa no-slh-dsa no-argon2 no-thread-pool no-apps no-docs no-http \
        no-sslkeylog no-multiblock $flags
    make -j"$jobs" build_generated
    # The generated text holds the compiler's path, which would end up in the binary.
    perl -I. -Mconfigdata ../openssl/util/mkbuildinf.pl 'musl-gcc -Os' $openssl_target \
        >crypto/buildinf.h
    make -j"$jobs" libcrypto.a libssl.a
    cp libcrypto.a libssl.a "$out/lib/"
    cp -r ../openssl/include/openssl "$out/include/"
    cp include/openssl/*.h "$out/include/openssl/"
    rm -f "$out"/include/openssl/*.in
) >>"$log" 2>&1

say "curl"
# Debian's patches rename the library in Makefile.am only; plain configure never regenerates.
# Only http and https, nothing that the environment or a file could switch on.
(
    mkdir "$work/curl-build"
    cd "$work/curl-build"
    ../curl/configure --build="$(gcc -dumpmachine)" --host=$gnu --prefix=/usr \
        --disable-shared --enable-static --disable-dependency-tracking \
        --with-openssl="$out" --without-zlib --disable-openssl-auto-load-config \
        --without-ca-bundle --without-ca-path --without-brotli --without-zstd \
        --without-libpsl --without-libidn2 --without-nghttp2 --without-librtmp \
        --without-libssh2 --without-gssapi --without-libgsasl --without-ngtcp2 \
        --enable-http --disable-ftp --disable-file --disable-ldap --disable-ldaps \
        --disable-rtsp --disable-dict --disable-telnet --disable-tftp --disable-pop3 \
        --disable-imap --disable-smb --disable-smtp --disable-gopher --disable-mqtt \
        --disable-proxy --disable-netrc --disable-cookies --disable-hsts --disable-alt-svc \
        --disable-doh --disable-mime --disable-crypto-auth --disable-ntlm --disable-ntlm-wb \
        --disable-tls-srp --disable-websockets --disable-unix-sockets --disable-manual \
        --disable-libcurl-option --disable-get-easy-options --disable-dateparse \
        --enable-threaded-resolver --enable-ipv6 --disable-curldebug --disable-debug \
        CC="$cc" AR=$gnu-ar RANLIB=$gnu-ranlib STRIP=$gnu-strip \
        CFLAGS="$flags" LDFLAGS=-static PKG_CONFIG=false
    make -j"$jobs" -C lib
    cp lib/.libs/libcurl.a "$out/lib/"
    cp -r ../curl/include/curl "$out/include/"
    rm -f "$out"/include/curl/Makefile*
) >>"$log" 2>&1
for feature in SSL threadsafe; do
    sed -n '/^  Features:/p' "$log" | grep -qw "$feature" ||
        { echo "curl was configured without $feature" >>"$log"; exit 1; }
done

mv "$work/versions" "$work/materials" "$work/licenses" "$out/"
echo "$stamp" >"$out/stamp"
say "done in $(($(date +%s) - start)) s"
