"""Runs programs by turns and collects what they print."""
import json
import re
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / 'build' / 'bench'
PROGRAMS = BUILD / 'release' / 'bench'
DATAFILE = ROOT / 'bench' / 'datafile.json'

LINE = re.compile(r'^([a-z][a-z0-9_]*) (-?[0-9.e+-]+)$')
LONGEST_RUN_S = 180


def ours(program, *arguments):
    return [PROGRAMS / program, *arguments]


def floor(*arguments):
    return [PROGRAMS / 'floor', *arguments]


def go(*arguments):
    return [BUILD / 'go-peer', DATAFILE, *arguments]


def node(*arguments):
    return ['node', ROOT / 'bench/peers/node/pipeline.mjs', BUILD / 'node',
            DATAFILE, *arguments]


class Sink:
    """The server of sink.c, for the length of a `with`."""

    def __init__(self, delay_ms, counts=False):
        self.counts = counts
        self.command = [PROGRAMS / 'sink', str(delay_ms),
                        'count' if counts else 'sum']

    def __enter__(self):
        self.process = subprocess.Popen(self.command, text=True,
                                        stdout=subprocess.PIPE)
        port = self.process.stdout.readline().split()[1]
        self.address = f'http://127.0.0.1:{port}'
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def stats(self):
        with urllib.request.urlopen(self.address + '/stats') as answer:
            return json.load(answer)


class Case:
    """One contestant: a command, and the sink that it sends to, if any.

    The URL of the sink is appended to the command, after `url_option` if that
    is not empty.
    """

    def __init__(self, name, command, sink=None, url_option='-u'):
        self.name = name
        self.command = [str(part) for part in command]
        self.sink = sink
        self.url_option = url_option

    def run(self):
        """What it printed. A run that fails is said and tried once more."""
        for is_last in (False, True):
            try:
                return self.run_once()
            except (subprocess.SubprocessError, OSError) as error:
                print(f'bench: {self.name}: {error}', file=sys.stderr)
                if is_last:
                    raise

    def run_once(self):
        if self.sink is None:
            return run_program(self.command)
        with Sink(*self.sink) as sink:
            url = [sink.address + '/v1/events']
            if self.url_option:
                url.insert(0, self.url_option)
            values = run_program(self.command + url)
            stats = sink.stats()
        if 'delivered' in values:
            received = (stats['visitors'] if sink.counts
                        else values['delivered'])
            values['received'] = received
            values['body_bytes'] = stats['bytes']
            values['events_per_s'] = received * 1e9 / stats['span_ns']
        return values


def run_program(command):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE,
                          timeout=LONGEST_RUN_S, check=True)
    found = (LINE.match(line) for line in done.stdout.splitlines())
    return {match[1]: float(match[2]) for match in found if match}


def run_by_turns(cases, rounds):
    """A B C A B C ...: the values of each round, by the case's name."""
    values = {case.name: [] for case in cases}
    for _ in range(rounds):
        for case in cases:
            values[case.name].append(case.run())
    return values


def run_at_once(cases, rounds):
    """For programs that are idle: all of them at the same time."""
    values = {case.name: [] for case in cases}
    with ThreadPoolExecutor(len(cases)) as pool:
        for _ in range(rounds):
            for case, found in zip(cases, pool.map(Case.run, cases)):
                values[case.name].append(found)
    return values
