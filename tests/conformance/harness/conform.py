"""Runs conformance cases through official SDKs and the library.

    conform.py RUNNER [--python FOLDER] [--node FOLDER] [--seed N]
               [--go DRIVER] [--random N] [--doubles N] [--datafiles N]
               [--docs FILE]

FOLDER is where the SDK's package is installed, DRIVER the built program.
Prints what differs and the figures; the exit status is 1 if anything does.
"""
import argparse
import collections
import json
import os
import re
import subprocess
import sys
import time

import cases
import compare
import datafiles
import differences
import generate
import lookups
import values

HERE = os.path.dirname(os.path.abspath(__file__))
CHUNK = 5000
MOST_PRINTED = 20
MOST_SECONDS = 300  # for a chunk


class Official:
    """A driver of an SDK, as a command that answers lines."""

    def __init__(self, name, command, environment, is_exact):
        self.name, self.command, self.is_exact = name, command, is_exact
        self.environment = dict(os.environ, **environment)
        self.client, = self.run([], ["--version"])

    def run(self, lines, options=()):
        return answers_of(self.command + list(options),
                          text_of(lines, self.name != "go"), self.environment)

    def can(self, case, known):
        if self.name == "go":
            return go_can(case, known)
        return self.name == "python" or node_can(case)

    def datafile(self, datafile):
        """As the SDK can be given it for events: see older-datafiles-read."""
        return dict(datafile, version="4") if self.name == "go" else datafile

    def step(self, step):
        """Values instead of text that is no JSON, and text for an SDK whose
        strings cannot hold bytes that are none."""
        return step if "flush" in step else without_broken_json(
            step if self.name == "go" else values.without_bad_bytes(step))


def answers_of(command, text, environment=None):
    run = subprocess.run(command, input=text, stdout=subprocess.PIPE,
                         env=environment, check=False, timeout=MOST_SECONDS)
    if run.returncode != 0:
        sys.exit("conform: %s ended with %d" % (command[0], run.returncode))
    return [json.loads(line) for line in run.stdout.splitlines()]


def text_of(lines, is_ascii):
    """Unless ASCII, bytes that are not UTF-8 go out as they are."""
    text = "".join(json.dumps(line, ensure_ascii=is_ascii) + "\n"
                   for line in lines)
    return text.encode("utf-8", "surrogateescape")


def run_library(runner, lines):
    return answers_of([runner], text_of([{"client": compare.CLIENT}] + lines,
                                        False))


def has_large_integer(value):
    if isinstance(value, (list, dict)):
        inside = value.values() if isinstance(value, dict) else value
        return any(map(has_large_integer, inside))
    return isinstance(value, int) and abs(value) > values.TWO_53


def node_can_carry(pair):
    """Its numbers are doubles; some of its names are special."""
    if pair[0] == "__proto__":
        return False
    if pair[1] == "i":
        return abs(int(pair[2])) <= values.TWO_53
    return pair[1] != "j" or values.is_broken_json(pair) or \
        not has_large_integer(values.json_of(pair))


def node_can(case):
    """The Node SDK has no builder for events and no call for a flush."""
    if case.get("queue") or "refuse" in case.get("answers", []):
        return False
    if case.get("answers"):  # retries while it closes are given up
        events = len(case["steps"])
        if events % (case.get("batch") or 10) or "flush" in str(case):
            return False
    return all("flush" not in step and
               ("decide" in step or "conversion" in step) and
               all(map(node_can_carry, (step.get("attributes") or []) +
                       ((step.get("conversion") or {}).get("tags") or [])))
               for step in case["steps"])


def go_can(case, known):
    """The Go SDK of the run has no call for a flush, and no holdouts."""
    if any("flush" in step for step in case["steps"]):
        return False
    keys = {name: {item["key"] for item in datafiles.rules_of(known[name])}
            for name in {step["in"] for step in case["steps"]}}
    return all((step.get("impression") or {}).get("experiment") in
               keys[step["in"]] | {None} for step in case["steps"])


def without_broken_json(step):
    made = dict(step)
    if made.get("attributes"):
        made["attributes"] = [
            values.null(pair[0]) if values.is_broken_json(pair) else pair
            for pair in made["attributes"]]
    tags = (made.get("conversion") or {}).get("tags")
    if tags:
        broken = {pair[0] for pair in values.last_of_each(tags)
                  if values.is_broken_json(pair)}
        made["conversion"] = dict(made["conversion"], tags=[
            pair for pair in tags if pair[0] not in broken and
            not values.is_broken_json(pair)])
    return made


class Figures:
    def __init__(self):
        self.cases = collections.Counter()
        self.events = collections.Counter()
        self.doubles = collections.Counter()
        self.occurred = collections.defaultdict(collections.Counter)
        self.failures = []

    def fail(self, official, name, text):
        self.failures.append((official, name, text))
        if len(self.failures) <= MOST_PRINTED:
            print("DIFFERS  %s, %s: %s" % (official, name, text), flush=True)


class Run:
    def __init__(self, runner, officials):
        self.runner, self.officials = runner, officials
        self.figures = Figures()
        self.refused = set()  # datafiles, by the one SDK that checks them

    def cases(self, kind, known, some_cases):
        """Compares all cases, with as many SDKs as can express each."""
        for start in range(0, len(some_cases), CHUNK):
            self.chunk(kind, known, some_cases[start:start + CHUNK])

    def chunk(self, kind, known, some_cases):
        def files(change):
            return [{"datafile": name, "text": json.dumps(change(datafile))}
                    for name, datafile in known.items()]

        begin = int(time.time() * 1000) - 1
        ours = run_library(self.runner, files(dict) + some_cases)
        for official in self.officials:
            chosen = [(case, answer) for case, answer in zip(some_cases, ours)
                      if official.can(case, known)]
            theirs = official.run(files(official.datafile) + [
                dict(case, steps=list(map(official.step, case["steps"])))
                for case, _ in chosen])
            period = (begin, int(time.time() * 1000) + 1)
            self.compare(kind, official, known, chosen, theirs, period)

    def compare(self, kind, official, known, chosen, theirs, period):
        comparison = compare.Comparison(official, known)
        for (case, mine), answer in zip(chosen, theirs):
            try:
                comparison.case(case, answer, mine, period)
            except Exception as error:  # of whatever shape the answer is
                self.figures.fail(official.name, case["case"],
                                  "%s: %s" % (type(error).__name__, error))
        self.figures.cases[official.name, kind] += len(chosen)
        self.figures.events[official.name] += comparison.events
        self.figures.doubles[official.name] += comparison.doubles
        self.figures.occurred[official.name].update(comparison.occurred)

    def random_cases(self, seed, count):
        """Each chunk has datafiles of its own."""
        made = generate.Generator(seed)
        for start in range(0, count, CHUNK):
            known = {"random %d" % number: made.datafile()
                     for number in range(40)}
            known.update((name, datafiles.read(name))
                         for name in datafiles.REALISTIC)
            self.chunk("random", known, [
                made.case(number, known) for number in
                range(start, min(count, start + CHUNK))])

    def doubles(self, seed, count):
        made = generate.Generator(seed + 1)
        self.cases("doubles", datafiles.written(),
                   [made.doubles(number)
                    for number in range((count + 499) // 500)])

    def look_ups(self, seed, count):
        made = generate.Generator(seed + 2)
        asked = lookups.make(made, count)
        for start in range(0, len(asked), CHUNK):
            lines = [line for item in asked[start:start + CHUNK]
                     for line in item.lines()]
            ours = run_library(self.runner, lines)
            for official in self.officials:
                theirs = official.run(lines)
                self.compare_look_ups(official, asked[start:start + CHUNK],
                                      theirs, ours)

    def compare_look_ups(self, official, asked, theirs, ours):
        for item, answer, mine in zip(asked, theirs, ours):
            if official.name == "python" and not answer["accepted"]:
                self.refused.add(item.name)
            if item.name in self.refused and official.name != "go":
                continue
            try:
                text, names = lookups.compare(official, item, answer, mine)
            except Exception as error:  # of whatever shape the answer is
                text = "%s: %s" % (type(error).__name__, error)
                names = ()
            if text:
                self.figures.fail(official.name, item.name, text)
            self.figures.occurred[official.name].update(names)
        self.figures.cases[official.name, "datafiles"] += len(asked)

    def check_listed(self, docs):
        """All listed differences occur, and the page lists just these."""
        listed = differences.listed()
        for official in self.officials:
            names = {name for name, officials in listed.items()
                     if official.name in officials}
            counts = self.figures.occurred[official.name]
            occurred = {name for name in counts if counts[name] > 0}
            for name in sorted(names - occurred):
                self.figures.fail(official.name, name, "never occurs")
            for name in sorted(occurred - names):
                self.figures.fail(official.name, name, "is not listed")
        if docs:
            with open(docs, encoding="utf-8") as file:
                written = dict(re.findall(
                    r"^\| `([a-z0-9-]+)` \| ([A-Za-z, ]+) \|", file.read(),
                    re.MULTILINE))
            for name in sorted(written.keys() | listed.keys()):
                if written.get(name) != differences.title_of(
                        listed.get(name, [])):
                    self.figures.fail("docs", name, "is listed there or here, "
                                      "not in both alike")

    def print_figures(self):
        for official in self.officials:
            print("%s %s" % tuple(official.client))
            for (name, kind), count in self.figures.cases.items():
                if name == official.name:
                    print("    %8d cases: %s" % (count, kind))
            print("    %8d events compared, %d doubles read back" % (
                self.figures.events[official.name],
                self.figures.doubles[official.name]))
            occurred = self.figures.occurred[official.name]
            for name, count in sorted(occurred.items()):
                print("    %8d times %s" % (count, name))


def officials_of(options):
    made = []
    if options.python:
        made.append(Official(
            "python", [sys.executable, os.path.join(
                HERE, "..", "python", "driver.py")],
            {"PYTHONPATH": options.python}, True))
    if options.node:
        made.append(Official("node", [
            "node", os.path.join(HERE, "..", "node", "driver.mjs"),
            os.path.abspath(options.node)], {}, False))
    if options.go:
        made.append(Official("go", [os.path.abspath(options.go)], {}, True))
    return made


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("runner")
    for name in ("--python", "--node", "--go", "--docs"):
        parser.add_argument(name)
    parser.add_argument("--seed", type=int, default=1)
    for name in ("--random", "--doubles", "--datafiles"):
        parser.add_argument(name, type=int, default=2000)
    options = parser.parse_args()
    run = Run(options.runner, officials_of(options))
    run.cases("written", datafiles.written(), cases.written())
    run.random_cases(options.seed, options.random)
    run.doubles(options.seed, options.doubles)
    run.look_ups(options.seed, options.datafiles)
    run.check_listed(options.docs)
    run.print_figures()
    failed = len(run.figures.failures)
    print("seed %d: %d passed, %d failed" % (
        options.seed, sum(run.figures.cases.values()) - failed, failed))
    sys.exit(failed > 0)


main()
