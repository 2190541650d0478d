"""The tables, as Markdown."""
from goals import rows
from plan import BATCHES, PRODUCERS
from runs import ROOT

DOCS = ROOT / 'docs' / 'performance.md'
BEGIN = '<!-- bench/run writes what follows -->'
END = '<!-- bench/run writes what precedes -->'

NAMES = {'ours': 'ours', 'go': 'Go SDK', 'go_default': 'Go SDK, as shipped',
         'floor': 'floor', 'node': 'Node SDK'}


def number(value, scale=1):
    """Three digits that say something."""
    value *= scale
    size = abs(value)
    if size >= 1000:
        return f'{value:,.0f}'
    if size >= 100 or value == int(value):
        return f'{value:.0f}'
    if size >= 10:
        return f'{value:.1f}'
    return f'{value:.2f}' if size >= 0.1 else f'{value:.2g}'


def middle(spread, scale=1):
    return '–' if spread is None else number(spread.median, scale)


def whole(spread, scale=1):
    if spread is None:
        return '–'
    return (f'{number(spread.median, scale)} [{number(spread.least, scale)}, '
            f'{number(spread.most, scale)}]')


def table(head, lines):
    yield '| ' + ' | '.join(head) + ' |'
    yield '|' + '---|' * len(head)
    for line in lines:
        yield '| ' + ' | '.join(line) + ' |'
    yield ''


def met(row, results):
    answer = row.is_met(results)
    return '' if answer is None else 'met' if answer else '**not met**'


def goal_line(row, results):
    unit, scale = row.unit
    ours = row.ours(results)
    if row.fact is not None:
        figure = '–' if ours is None else number(ours)
        peers = '–', '–'
    else:
        figure = whole(ours, scale)
        peers = (middle(row.peer(results, row.go), scale),
                 middle(row.peer(results, 'floor'), scale))
    return (row.what + (f', {unit}' if unit else ''), *peers, figure,
            whole(row.ratio_of(results)), row.goal(), met(row, results))


def goals(results):
    return table(('what', 'Go SDK', 'floor', 'ours', 'times better than Go',
                  'goal', ''),
                 (goal_line(row, results) for row in rows()))


def case_line(results, group, case, first):
    spread = lambda metric: results.spread(group, case, metric)
    wall = results.spread(group, case, 'wall_ns')
    ratio = None if case == 'ours' else results.ratio(
        (group, case, 'cpu_ns'), (group, 'ours', 'cpu_ns'))
    return [*first, NAMES[case], whole(spread('cpu_ns'), 1e-3),
            whole(wall, 1e-3), whole(ratio)]


def null_lines(results):
    for batch in BATCHES:
        for producers in PRODUCERS:
            group = f'null_{batch}_{producers}'
            for case in ('ours', 'go', 'floor', 'node'):
                if results.spread(group, case, 'cpu_ns') is not None:
                    yield case_line(results, group, case,
                                    (str(batch), str(producers)))


def http_lines(results):
    for batch in BATCHES:
        group = f'http_{batch}'
        for case in ('ours', 'go', 'go_default', 'floor'):
            if results.spread(group, case, 'cpu_ns') is None:
                continue
            yield [*case_line(results, group, case, (str(batch),)),
                   whole(results.spread(group, case, 'events_per_s')),
                   whole(results.spread(group, case, 'lost_percent')),
                   middle(results.spread(group, case, 'bytes'))]


def loss_lines(results):
    for group in ('loss_0', 'loss_50'):
        for case in ('ours', 'go'):
            if results.spread(group, case, 'accepted') is not None:
                yield [group[5:] + ' ms',
                       'ours' if case == 'ours' else NAMES['go_default'],
                       *(whole(results.spread(group, case, metric))
                         for metric in ('accepted', 'received',
                                        'lost_percent', 'wall_s'))]


def machine(facts):
    versions = ', '.join(f'{name} {version}' for name, version
                         in facts['versions'].items())
    yield (f'{facts["date"]}, commit {facts["commit"]}; rounds: '
           f'{facts["rounds"]}; minutes: {facts["minutes"]:.0f}; load average '
           f'before: {facts["load_before"]:.2f}.')
    yield (f'{facts["cpus"]} x {facts["cpu"]}, {facts["memory_gib"]} GiB, '
           f'{facts["system"]}, Linux {facts["kernel"]}; {versions}.')
    yield ''


def text(results):
    yield from machine(results.facts)
    yield '### Goals'
    yield ''
    yield from goals(results)
    yield '### To the finished body: null dispatcher'
    yield ''
    yield from table(('batch', 'producers', '', 'CPU, us an event',
                      'wall, us an event', 'CPU / ours'), null_lines(results))
    yield '### Over HTTP, a sink that answers at once'
    yield ''
    yield from table(('batch', '', 'CPU, us an event', 'wall, us an event',
                      'CPU / ours', 'events/s', 'lost, %', 'bytes an event'),
                     http_lines(results))
    yield '### 100,000 events offered at once, as shipped'
    yield ''
    yield from table(('sink', '', 'accepted', 'received', 'lost, %',
                      'seconds to the end of close'), loss_lines(results))


def print_goals(results):
    for line in (*machine(results.facts), *goals(results)):
        print(line)


def write(results):
    """Replaces what stands between the two marks."""
    old = DOCS.read_text()
    before, rest = old.split(BEGIN)
    _, after = rest.split(END)
    new = '\n'.join(text(results))
    DOCS.write_text(f'{before}{BEGIN}\n\n{new}\n{END}{after}')
