#!/usr/bin/env bash
# Builds and runs the unit and integration tests in /build, from the source that
# this file is in. For scripts/cross-check; the arguments are CMake's. The last
# line says how many there were.
set -euo pipefail
cd "$(dirname "$0")/../.."

jobs=${JOBS:-$(nproc)}
select=(-L '^(unit|integration)$')
cmake -G Ninja -S . -B /build -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DCMAKE_C_FLAGS="-Wall -Wextra -Wpedantic -Wshadow -Wconversion \
-Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Werror" \
    -DCMAKE_CXX_FLAGS= "$@"

# Each test is a program of the same name.
mapfile -t programs < <(ctest --test-dir /build -N "${select[@]}" |
    sed -n 's/^ *Test *#[0-9]*: //p')
cmake --build /build -j "$jobs" --target "${programs[@]}" -- -k 0

# Some tests give a thread a moment, 50 ms say, to do its part. An emulator on a
# busy machine may not run it in that time, so there a failure has to come again.
repeat=()
[ -z "${OPTLY_EMULATED:-}" ] || repeat=(--repeat until-pass:3)
ctest --test-dir /build "${select[@]}" -j "$jobs" --output-on-failure \
    "${repeat[@]}"

awk '
    # Of a program that ran again, the last run counts.
    / Testing: / {
        name = $NF
        repeats += name in tests
        tests[name] = skipped[name] = 0
    }
    # Some versions of cmocka name the group first.
    /^\[=+\] .* test\(s\) run\.$/ { tests[name] += $(NF - 2) }
    /^\[ +SKIPPED +\] .* test\(s\), listed below:$/ {
        skipped[name] += $(NF - 3)
    }
    END {
        for (name in tests) {
            programs++
            all += tests[name]
            left_out += skipped[name]
        }
        printf "%d programs, %d tests, %d of them skipped, %d runs repeated\n",
            programs, all, left_out, repeats
    }
' /build/Testing/Temporary/LastTest.log
