# shellcheck shell=bash
# shellcheck disable=SC2034 # each script exits with `failed`
# Shared by the tests of documents; sourced, in the source folder, with bash
# and awk only.
set -euo pipefail

documents=(README.md src/README.md CHANGELOG.md docs/*.md)
failed=0
complain() {
    printf '%s\n' "$*" >&2
    failed=1
}

# blocks LANGUAGE FILE FOLDER: writes each block of code of that language to
# FOLDER/<line>.<language>, <line> being where it begins.
blocks() {
    mkdir -p "$3"
    awk -v language="$1" -v folder="$3" '
        /^```/ && out != "" { close(out); out = ""; next }
        /^```/ && skipping { skipping = 0; next }
        $0 == "```" language { out = folder "/" NR + 1 "." language
                               printf "" >out; next }
        /^```/ { skipping = 1; next }
        out != "" { print >out }' "$2"
}
