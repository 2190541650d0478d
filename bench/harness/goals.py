"""The rows of the goals table: where a figure stands, and what it should be."""
from dataclasses import dataclass

from plan import SLOW_MS

NS, US, PLAIN = ('ns', 1), ('us', 1e-3), ('', 1)


@dataclass
class Row:
    what: str
    group: str
    metric: str
    unit: tuple = PLAIN
    most: float = None         # the goal: at most that
    least: float = None        # or at least that
    ratio: float = None        # and so many times better than the Go SDK
    case: str = 'ours'
    go: str = 'go'             # the Go SDK's case
    go_metric: str = None      # if it is another one
    fact: str = None           # not measured by turns: a fact of that name

    def ours(self, results):
        if self.fact is not None:
            return results.facts.get(self.fact)
        return results.spread(self.group, self.case, self.metric)

    def peer(self, results, case):
        return results.spread(self.group, case, self.go_metric or self.metric)

    def ratio_of(self, results):
        """How many times better than the Go SDK; None if that has no meaning.
        """
        mine = (self.group, self.case, self.metric)
        theirs = (self.group, self.go, self.go_metric or self.metric)
        if self.ratio is None:
            return None
        if self.least is not None:
            return results.ratio(mine, theirs)
        return results.ratio(theirs, mine)

    def goal(self):
        """As text."""
        unit, scale = self.unit
        words = []
        if self.most is not None:
            words.append(f'<= {self.most * scale:g} {unit}'.strip())
        if self.least is not None:
            words.append(f'>= {self.least * scale:,.0f} {unit}'.strip())
        if self.ratio:
            words.append(f'ratio >= {self.ratio:g}')
        return ', '.join(words) or 'report'

    def is_met(self, results):
        """None: there is no goal, or nothing was measured."""
        value = self.ours(results)
        ratio = self.ratio_of(results)
        if value is None or (self.most is None and self.least is None):
            return None
        if self.ratio and ratio is None:
            return None
        figure = value if self.fact is not None else value.median
        return ((self.most is None or figure <= self.most) and
                (self.least is None or figure >= self.least) and
                (not self.ratio or ratio.median >= self.ratio))


def rows():
    """`ratio=0`: shown, but not a goal."""
    yield Row('create an event, JSON and all, both kinds by turns', 'caller',
              'create_mixed_ns', US, most=300, ratio=0)
    yield Row('of that, an impression', 'caller', 'create_impression_ns', US,
              ratio=0)
    yield Row('of that, a conversion', 'caller', 'create_conversion_ns', US,
              ratio=0)
    yield Row("caller's CPU: create + process_event, in bursts", 'caller',
              'bursts_ns', US, most=350, ratio=4)
    yield Row('the same, flat out, batch 100', 'null_100_1', 'caller_ns', US,
              most=350)
    for producers, most in ((1, 500), (8, 800)):
        yield Row('all CPU to the finished body, null dispatcher, batch 100, '
                  f'{producers} producer{"s" if producers > 1 else ""}',
                  f'null_100_{producers}', 'cpu_ns', US, most=most, ratio=9)
    for batch, most, ratio in ((10, 2600, 8), (100, 1000, 10),
                               (1000, 850, 10)):
        yield Row(f'all CPU over HTTP, 0 ms, batch {batch}', f'http_{batch}',
                  'cpu_ns', US, most=most, ratio=ratio)
    for batch, least in ((10, 450e3), (100, 1.3e6), (1000, 1.6e6)):
        yield Row(f'events/s, 0 ms, batch {batch}', f'http_{batch}',
                  'events_per_s', least=least, ratio=0)
    slow = f'events/s, {SLOW_MS} ms, '
    yield Row(slow + 'as shipped (batch 10, 8 in flight)', 'slow_10',
              'events_per_s', least=1550, ratio=0)
    yield Row(slow + 'batch 10, 32 in flight', 'slow_10', 'events_per_s',
              least=6000, ratio=0, case='ours_32')
    yield Row(slow + 'batch 1000, 8 in flight', 'slow_1000', 'events_per_s',
              least=150e3, ratio=0)
    for delay in (0, SLOW_MS):
        yield Row('accepted, then lost in silence, 100,000 offered at once, '
                  f'as shipped, {delay} ms', f'loss_{delay}', 'lost_percent',
                  ('%', 1), most=0)
    yield Row('calls/s, 8 producers, null dispatcher, events made',
              'null_100_8', 'calls_per_s', least=2e6, ratio=0)
    yield Row('process_event while 100,000 are queued: last tenth / first',
              'depth_100000', 'growth', most=1.25)
    yield Row('process_event in the last tenth of 100,000', 'depth_100000',
              'process_ns_10', NS)
    for name, metric, most in (('p50', 'p50_ns', 50), ('p99', 'p99_ns', 1000),
                               ('p99.9', 'p999_ns', 5000)):
        yield Row(f'process_event, 100,000 events/s, {name}', 'paced_100000',
                  metric, US, most=most)
    for rate in (10000, 1000):
        yield Row(f'process_event, {rate:,} events/s, p99', f'paced_{rate}',
                  'p99_ns', US, most=1000)
    yield Row('driver CPU, 10,000 events/s, batch 10', 'paced_10000',
              'driver_cpu_percent', ('%', 1), most=0.6)
    yield Row('allocator calls an event, null dispatcher', 'allocations',
              'allocations', most=0)
    yield Row('allocator calls an event, HTTP', 'allocations', 'allocations',
              case='ours_http', go='none')
    yield Row('memory of a queued event beside JSON and ids', 'depth_100000',
              'overhead_bytes', ('B', 1), most=96)
    yield Row('memory of a queued event / its JSON', 'depth_100000',
              'memory_ratio')
    yield Row('resident, idle and started, over the same program without, '
              'no HTTP', 'idle', 'more_resident_kib', ('KiB', 1), most=64,
              case='null', go='go_null')
    yield Row('of that, memory that is no file', 'idle', 'more_anonymous_kib',
              ('KiB', 1), case='null', go='go_null')
    yield Row('the same once glibc has given back what was freed', 'idle',
              'more_kept_kib', ('KiB', 1), case='null', go='none')
    yield Row('resident, the same with HTTP', 'idle', 'more_resident_kib',
              ('KiB', 1), case='http', go='none')
    yield Row('wake-ups while idle, no HTTP', 'idle', 'wakeups', most=0,
              case='null', go='go_null')
    yield Row('wake-ups while idle, with HTTP', 'idle', 'wakeups', most=0,
              case='http', go='none')
    for name, most in (('without HTTP', 64), ('with HTTP', 80)):
        for level in ('O2', 'Os'):
            yield Row(f'text, shared library, stripped, {name}, -{level}', '',
                      '', ('KiB', 1), most=most,
                      fact=f'text_kib_{level}_{name}')
            yield Row('of that, the code itself', '', '', ('KiB', 1),
                      fact=f'code_kib_{level}_{name}')
