# shellcheck shell=bash disable=SC2154 # `work` and `tools` are the caller's
# Starts the collector and compares what it saw; sourced. The caller sets
# `work`, a folder for files, and `tools`, where the programs were built.

collector=

# Sets `collector` and `url`. The pipe ends the wait when the program does.
start_collector() {
    mkfifo "$work/line"
    "$tools/collector" >"$work/line" &
    collector=$!
    read -r line <"$work/line"
    url=${line#collector: listening on }
    case $url in
    http://*) ;;
    *) echo "the collector did not start" >&2; return 1 ;;
    esac
}

stop_collector() {
    [ -n "$collector" ] || return 0
    kill "$collector" 2>/dev/null || true
    wait "$collector" 2>/dev/null || true
}

fetch() {
    "$tools/fetch" "$@"
}

# Fails unless $work/accepted names the uuids that were seen, each once.
compare() {
    local missing extra twice malformed

    sort "$work/accepted" >"$work/accepted.sorted"
    fetch "$url/api/uuids" | sort >"$work/seen.counts"
    awk '{ print $1 }' "$work/seen.counts" >"$work/seen.sorted"
    missing=$(comm -23 "$work/accepted.sorted" "$work/seen.sorted" | wc -l)
    extra=$(comm -13 "$work/accepted.sorted" "$work/seen.sorted" | wc -l)
    twice=$(awk '$2 != 1' "$work/seen.counts" | wc -l)
    malformed=$(fetch --pretty "$url/api/summary" |
        awk '$1 == "\"malformed\":" { print $2 + 0 }')

    echo "accepted $(wc -l <"$work/accepted")," \
        "seen $(wc -l <"$work/seen.sorted")"
    echo "missing $missing, extra $extra, more than once $twice," \
        "malformed batches $malformed"
    [ -s "$work/accepted" ] &&
        [ "$missing $extra $twice $malformed" = "0 0 0 0" ]
}
