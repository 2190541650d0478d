# shellcheck shell=bash
# Finds Prometheus's promtool; sourced.

# get_promtool FOLDER: prints where it is: installed, in FOLDER, or unpacked
# there from Debian's package, of which nothing is installed or started.
# Fails, and says why, where there is none.
get_promtool() {
    local folder=$1 found=$1/root/usr/bin/promtool

    if command -v promtool; then
        return 0
    fi
    if [ ! -x "$found" ]; then
        if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
            echo "promtool is not installed, and there is no apt" >&2
            return 1
        fi
        rm -rf "$folder"
        mkdir -p "$folder"
        if ! (cd "$folder" && apt-get download -qq prometheus </dev/null >&2 &&
              dpkg -x prometheus_*.deb root && rm prometheus_*.deb); then
            echo "promtool is not installed, and apt-get could not" \
                "download the package prometheus" >&2
            return 1
        fi
    fi
    echo "$found"
}
