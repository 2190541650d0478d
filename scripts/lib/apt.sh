# shellcheck shell=bash
# Installs Debian packages for the scripts; sourced.

# need_packages PACKAGE...: installs those that are missing, quietly. Does
# nothing, the network included, when none is. Where apt cannot be used it says
# what to install; it fails only where that is known to be missing.
need_packages() {
    local package missing=() as_root=()

    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null
    then
        echo "No apt here; needed are what Debian calls: $*" >&2
        return 0
    fi
    for package in "$@"; do
        # shellcheck disable=SC2016 # dpkg-query's own variable
        dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null |
            grep -qx installed || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    if [ "$(id -u)" -ne 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            echo "Missing packages; as root: apt-get install ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo -n)
    fi
    echo "Installing: ${missing[*]}" >&2
    "${as_root[@]}" apt-get update -qq </dev/null >/dev/null || true
    if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install \
        -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 \
        "${missing[@]}" </dev/null >/dev/null; then
        echo "apt-get could not install: ${missing[*]}" >&2
        return 1
    fi
}
