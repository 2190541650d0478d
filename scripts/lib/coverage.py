"""Judges a report of gcovr: coverage.py REPORT.json EXCEPTIONS.txt

Prints the lines and branches of each file and in all. Fails on a line that was
not run and is not among the exceptions, on an exception that was run or is no
longer there, and on too few branches.

The exceptions are blocks with a blank line between them: the file and the
function, the texts of the lines, indented, and the reason.

    src/platform/waker.c: optly__waker_drain
        return;
    why: what keeps tests from running it
"""
import collections
import json
import sys

LEAST_BRANCHES = 95.0


def read_exceptions(path):
    """Returns how often each (file, function, text) is excepted."""
    listed = collections.Counter()
    with open(path, encoding="utf-8") as lines:
        text = "\n".join(line.rstrip() for line in lines if line[:1] != "#")
    for block in filter(None, (b.strip("\n") for b in text.split("\n\n"))):
        head, *rest = block.split("\n")
        place = tuple(head.split(": "))
        # From "why:" on the lines are the reason's, indented or not.
        reason = next((i for i, line in enumerate(rest)
                       if line.startswith("why: ")), 0)
        if len(place) != 2 or reason == 0:
            sys.exit(f"{path}: not a place, lines and a reason:\n{block}")
        listed.update(place + (line.strip(),) for line in rest[:reason])
    return listed


def function_at(functions, number):
    name = "-"
    for function in functions:
        if function["lineno"] <= number:
            name = function["name"]
    return name


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def row(name, counts):
    lines, run, branches, taken = counts
    print(f"{name:34} {lines:6} {run:6} {percent(run, lines):7.2f} %"
          f" {branches:8} {taken:6} {percent(taken, branches):7.2f} %")


def main(report, exceptions):
    listed = read_exceptions(exceptions)
    missed = collections.defaultdict(list)
    totals = [0, 0, 0, 0]

    print(f"{'file':34} {'lines':>6} {'run':>6} {'':9}"
          f" {'branches':>8} {'taken':>6}")
    with open(report, encoding="utf-8") as text:
        files = json.load(text)["files"]
    for file in files:
        with open(file["file"], encoding="utf-8") as text:
            source = text.read().split("\n")
        functions = sorted(file["functions"], key=lambda f: f["lineno"])
        counts = [0, 0, 0, 0]
        for line in file["lines"]:
            if line.get("gcovr/noncode"):
                continue
            number = line["line_number"]
            counts[0] += 1
            counts[1] += line["count"] > 0
            counts[2] += len(line["branches"])
            counts[3] += sum(b["count"] > 0 for b in line["branches"])
            if line["count"] == 0:
                key = (file["file"], function_at(functions, number),
                       source[number - 1].strip())
                missed[key].append(number)
        row(file["file"], counts)
        totals = [a + b for a, b in zip(totals, counts)]
    row("all", totals)

    excepted = wrong = 0
    for (file, function, text), numbers in sorted(missed.items()):
        allowed = listed[file, function, text]
        excepted += min(allowed, len(numbers))
        if len(numbers) > allowed:
            wrong += 1
            print(f"{file}:{numbers[0]}: in {function}, not run: {text}")
    for (file, function, text), count in sorted(listed.items()):
        if count > len(missed[file, function, text]):
            wrong += 1
            print(f"{exceptions}: {file}: {function}: run, or not there: {text}")
    branches = percent(totals[3], totals[2])
    print(f"coverage: {totals[1]} of {totals[0]} lines run, {excepted}"
          f" excepted with a reason; {branches:.2f} % of the branches")
    if branches < LEAST_BRANCHES:
        print(f"coverage: {LEAST_BRANCHES} % of the branches are asked for")
    return 1 if wrong or branches < LEAST_BRANCHES else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
