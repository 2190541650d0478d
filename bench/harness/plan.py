"""What is measured: groups of cases that run by turns."""
import os
from dataclasses import dataclass

from runs import Case, floor, go, node, ours

BATCHES = (10, 100, 1000)
PRODUCERS = (1, 2, 8)
RATES = (100000, 10000, 1000)
DEPTHS = (1000, 10000, 50000, 100000)
DELAYS_MS = (1, 5, 20, 50, 100)
IN_FLIGHT = (1, 2, 4, 8, 16, 32, 64)

# The longest delay of the goals, and what fits in about 3 s of it.
SLOW_MS = 50


@dataclass
class Group:
    name: str
    cases: list
    rounds: int
    at_once: bool = False


@dataclass
class Scale:
    """How much is done: all of it, or as much as is quick."""
    quick: bool

    @property
    def rounds(self):
        return int(os.environ.get('ROUNDS', 3 if self.quick else 7))

    @property
    def few_rounds(self):
        """Of the plots' points, which no goal stands on."""
        return min(3, self.rounds)

    def count(self, events):
        return str(events // 4 if self.quick else events)

    def seconds(self, full):
        return str(1 if self.quick else full)


def callers(scale):
    return Group('caller', [
        Case('ours', ours('caller', scale.count(400000))),
        Case('go', go('caller', scale.count(200000))),
        Case('floor', floor('create', scale.count(1000000)))], scale.rounds)


def null(scale, batch, producers):
    b, p = str(batch), str(producers)
    cases = [
        Case('ours', ours('pipeline', '-n', scale.count(1000000), '-b', b,
                          '-p', p)),
        Case('go', go('pipeline', '-n', scale.count(200000), '-b', b,
                      '-p', p)),
        Case('floor', floor('pipeline', scale.count(500000), b, p))]
    if producers == 1:
        cases.append(Case('node', node(scale.count(60000), b)))
    return Group(f'null_{batch}_{producers}', cases, scale.rounds)


def http(scale, batch):
    b = str(batch)
    fast = 200000 if batch == 10 else 1000000
    sink = (0,)
    return Group(f'http_{batch}', [
        Case('ours', ours('pipeline', '-n', scale.count(fast), '-b', b), sink),
        Case('go', go('pipeline', '-n', scale.count(100000), '-b', b,
                      '-m', 'sync'), sink),
        Case('go_default', go('pipeline', '-n', scale.count(100000), '-b', b,
                              '-m', 'default'), sink),
        Case('floor', floor('pipeline', scale.count(200000), b, '1'),
             sink, '')], scale.rounds)


def slow(scale):
    sink = (SLOW_MS,)
    return Group('slow_10', [
        Case('ours', ours('pipeline', '-n', scale.count(4800)), sink),
        Case('ours_32', ours('pipeline', '-n', scale.count(19200), '-f', '32'),
             sink),
        Case('go', go('pipeline', '-n', scale.count(600), '-m', 'sync'), sink),
        Case('floor', floor('pipeline', scale.count(600), '10', '1'), sink,
             '')], scale.rounds)


def slow_large(scale):
    sink = (SLOW_MS,)
    return Group('slow_1000', [
        Case('ours', ours('pipeline', '-n', scale.count(480000), '-b', '1000'),
             sink),
        Case('go', go('pipeline', '-n', scale.count(60000), '-b', '1000',
                      '-m', 'sync'), sink),
        Case('floor', floor('pipeline', scale.count(60000), '1000', '1'), sink,
             '')], scale.rounds)


def loss(scale, delay_ms):
    sink = (delay_ms, True)
    return Group(f'loss_{delay_ms}', [
        Case('ours', ours('pipeline', '-n', '100000', '-o'), sink),
        Case('go', go('pipeline', '-n', '100000', '-o', '-m', 'default'),
             sink)], scale.rounds)


def depths(scale, depth):
    return Group(f'depth_{depth}', [
        Case('ours', ours('depth', str(depth))),
        Case('go', go('depth', str(depth)))], scale.rounds)


def paced(scale, rate):
    arguments = 'paced', str(rate), scale.seconds(3)
    return Group(f'paced_{rate}', [
        Case('ours', ours(*arguments)), Case('go', go(*arguments))],
        scale.rounds)


def idle(scale):
    seconds = '3' if scale.quick else '10'
    return Group('idle', [
        Case('none', ours('idle', 'none', seconds)),
        Case('null', ours('idle', 'null', seconds)),
        Case('http', ours('idle', 'http', seconds), (0,), ''),
        Case('go_none', go('idle', 'none', seconds)),
        Case('go_null', go('idle', 'null', seconds))], scale.rounds,
        at_once=True)


def allocations(scale):
    return Group('allocations', [
        Case('ours', ours('allocations', scale.count(400000))),
        Case('ours_http', ours('allocations', scale.count(400000)), (0,), ''),
        Case('go', go('allocations', scale.count(100000)))], scale.rounds)


def by_delay(scale, delay_ms):
    """For the plot: batches of 100, about a second of it."""
    sink = (delay_ms,)
    waves = max(8, 1000 // delay_ms)
    one, eight, many = (str(100 * n * waves) for n in (1, 8, 32))
    return Group(f'delay_{delay_ms}', [
        Case('ours', ours('pipeline', '-n', eight, '-b', '100'), sink),
        Case('ours_32', ours('pipeline', '-n', many, '-b', '100', '-f', '32'),
             sink),
        Case('go', go('pipeline', '-n', one, '-b', '100', '-m', 'sync'), sink),
        Case('floor', floor('pipeline', one, '100', '1'), sink, '')],
        scale.few_rounds)


def by_in_flight(scale):
    sink = (SLOW_MS,)
    return Group('in_flight', [
        Case(str(n), ours('pipeline', '-n', str(10 * n * 20), '-f', str(n)),
             sink) for n in IN_FLIGHT], scale.few_rounds)


def groups(quick):
    scale = Scale(quick)
    batches = (100,) if quick else BATCHES
    producers = (1, 8) if quick else PRODUCERS
    plan = [idle(scale), allocations(scale), callers(scale)]
    plan += [null(scale, batch, count) for batch in batches
             for count in producers]
    plan += [http(scale, batch) for batch in BATCHES]
    plan += [slow(scale), slow_large(scale), loss(scale, 0)]
    if not quick:
        plan.append(loss(scale, SLOW_MS))
    plan += [depths(scale, depth) for depth in
             ((100000,) if quick else DEPTHS)]
    plan += [paced(scale, rate) for rate in RATES]
    if not quick:
        plan += [by_delay(scale, delay) for delay in DELAYS_MS]
        plan.append(by_in_flight(scale))
    return plan


def without(plan, missing):
    """Leaves out the cases of peers that could not be built."""
    for group in plan:
        group.cases = [case for case in group.cases
                       if case.name.split('_')[0] not in missing]
    return plan
