# shellcheck shell=bash
# Bare Debian systems to try things in; sourced. Needs root, and mmdebstrap and
# util-linux.

# make_chroot ROOT [RELEASE]: a minimal Debian of its main section at ROOT, with
# the sources, keys and proxies of the host's apt. Logs to ROOT.log.
make_chroot() {
    local root=$1 release=${2:-bookworm} list sources=()

    # Where this machine gets packages from, and how: mirrors, proxies, checks.
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
        grep -v '^ *#' >"$root.list" || true
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
        grep -v '^ *#' >"$root.sources" || true
    for list in "$root.sources" "$root.list"; do
        [ ! -s "$list" ] || sources+=("$list")
    done

    bootstrap "$root" "$release" "${sources[@]}"
}

# make_release_chroot ROOT RELEASE [MMDEBSTRAP OPTION...]: the same with nothing
# but that release, from the first mirror of Debian that the host's apt has: its
# updates are not there for every architecture at the same time. MIRROR names
# another.
make_release_chroot() {
    local root=$1 release=$2 mirror=${MIRROR:-}
    shift 2

    if [ -z "$mirror" ]; then
        apt-get update -qq >/dev/null || true
        # shellcheck disable=SC2016 # apt-get's own variable
        mirror=$(apt-get indextargets --format '$(REPO_URI)' \
            'Created-By: Packages' 'Label: Debian' 'Component: main' |
            sed -n 1p)
    fi
    if [ -z "$mirror" ]; then
        echo "apt has no mirror of Debian here: set MIRROR" >&2
        return 1
    fi
    printf '%s\n' "deb $mirror $release main" "deb-src $mirror $release main" \
        >"$root.list"
    bootstrap "$root" "$release" "$@" "$root.list"
}

# bootstrap ROOT RELEASE [MMDEBSTRAP OPTION or SOURCES...]
bootstrap() {
    local root=$1 release=$2
    shift 2

    apt-config dump | grep '^Acquire::' >"$root.conf" || true
    if ! mmdebstrap --variant=minbase --components=main --quiet \
        --aptopt="$root.conf" --skip=cleanup/apt "$release" "$root" "$@" \
        >"$root.log" 2>&1; then
        cat "$root.log" >&2
        return 1
    fi
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    cp "$root.conf" "$root/etc/apt/apt.conf.d/99host"
    cp -r /etc/apt/auth.conf.d "$root/etc/apt/" 2>/dev/null || true
}

# in_chroot ROOT COMMAND...: runs it there without input, with the host's proxies
# and little else in its environment. The mounts end with it.
in_chroot() {
    local name environment=(
        HOME=/root LANG=C.UTF-8
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
    for name in http_proxy https_proxy no_proxy JOBS; do
        [ -z "${!name:-}" ] || environment+=("$name=${!name}")
    done

    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount --fork bash -c '
        root=$1
        shift
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        exec chroot "$root" "$@"
    ' in_chroot "$1" /usr/bin/env -i "${environment[@]}" "${@:2}" </dev/null
}
