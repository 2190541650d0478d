# shellcheck shell=bash
# shellcheck disable=SC2034 # each script exits with `failed`
# Shared by the packaging tests; sourced. The build gives, in the environment:
# SOURCE (the source tree), WORK (a folder for this run), CC, CXX, CMAKE and
# GENERATOR.
set -euo pipefail

# How packages and releases are built.
release=(-DCMAKE_BUILD_TYPE=RelWithDebInfo -DOPTLY_HARDENING=ON
         -DOPTLY_REPRODUCIBLE=ON)

# The names of all public functions, one a line: declared with OPTLY_API.
exported_functions() {
    cat "$SOURCE"/include/optly/*.h | tr '\n' ' ' |
        grep -oP 'OPTLY_API [^;{}]*?\boptly_\w+(?=\()' |
        grep -oE 'optly_[a-z0-9_]+$' | sort -u
}

# The names of the functions that the headers define inline.
inline_functions() {
    cat "$SOURCE"/include/optly/*.h | tr '\n' ' ' |
        grep -oP 'static inline [^;{}]*?\boptly_\w+(?=\()' |
        grep -oE 'optly_[a-z0-9_]+$' | sort -u
}

# A C file without its comments, its lines where they were.
without_comments() {
    perl -0777 -pe 's{(/\*.*?\*/|//[^\n]*)|("(?:\\.|[^"\\])*")}
                     {defined $2 ? $2 : $1 =~ tr/\n//cdr}gsex' "$1"
}

# Says what is wrong; the script goes on, and fails at its end.
failed=0
complain() {
    printf '%s\n' "$*" >&2
    failed=1
}
