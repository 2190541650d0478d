"""The plots, by gnuplot."""
import subprocess
import sys

from plan import BATCHES, DELAYS_MS, DEPTHS, IN_FLIGHT, PRODUCERS
from runs import BUILD, ROOT

FOLDER = ROOT / 'docs' / 'plots'

HEAD = '''set terminal pngcairo size 800,500 noenhanced font ",11"
set output "{output}"
set title "{title}"
set xlabel "{x}"
set ylabel "{y}"
set key outside right top
set grid
set format y "%.10g"
{more}
'''


# A contestant has one colour on all plots.
COLOURS = {'ours': 'dark-blue', 'ours, 8 in flight': 'dark-blue',
           'ours, 32 in flight': 'steelblue', 'Go SDK': 'dark-orange',
           'floor': 'dark-green', 'the JSON': 'gray50'}


class Line:
    """Points with the least and the most; `points` yields (x, Spread)."""

    def __init__(self, title, points, scale=1):
        self.title = title
        self.colour = COLOURS[title]
        self.points = [(x, spread.median * scale, spread.least * scale,
                        spread.most * scale)
                       for x, spread in points if spread is not None]


def draw_one(name, title, x, y, lines, more=''):
    lines = [line for line in lines if line.points]
    if not lines:
        return
    data = BUILD / 'plots'
    data.mkdir(exist_ok=True)
    script = HEAD.format(output=FOLDER / f'{name}.png', title=title, x=x, y=y,
                         more=more)
    parts = []
    for number, line in enumerate(lines, 1):
        path = data / f'{name}-{number}.dat'
        path.write_text(''.join(' '.join(map(str, point)) + '\n'
                                for point in line.points))
        style = f'lc "{line.colour}" lw 2 pt {number + 4}'
        parts.append(f'"{path}" using 1:2 with linespoints {style} '
                     f'title "{line.title}"')
        parts.append(f'"{path}" using 1:2:3:4 with yerrorbars {style} notitle')
    script += 'plot ' + ', \\\n     '.join(parts) + '\n'
    done = subprocess.run(['gnuplot'], input=script, text=True,
                          stderr=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f'bench: gnuplot: {done.stderr}')


def lines(results, cases, metric, xs, group, scale=1):
    for case, title in cases:
        yield Line(title, ((x, results.spread(group.format(x), case, metric))
                           for x in xs), scale)


def draw(results):
    FOLDER.mkdir(exist_ok=True)
    three = (('ours', 'ours'), ('go', 'Go SDK'), ('floor', 'floor'))
    draw_one('cpu_by_batch', 'CPU per event over HTTP, sink at 0 ms',
             'events a batch', 'us per event (user + system)',
             lines(results, three, 'cpu_ns', BATCHES, 'http_{}', 1e-3),
             'set logscale xy')
    draw_one('events_by_delay', 'Events per second, batches of 100',
             "ms of the sink's delay", 'events per second',
             lines(results, (('ours', 'ours, 8 in flight'),
                             ('ours_32', 'ours, 32 in flight'),
                             ('go', 'Go SDK'), ('floor', 'floor')),
                   'events_per_s', DELAYS_MS, 'delay_{}'), 'set logscale xy')
    in_flight = [Line('ours', ((n, results.spread('in_flight', str(n),
                                                  'events_per_s'))
                               for n in IN_FLIGHT)),
                 Line('Go SDK', ((1, results.spread('slow_10', 'go',
                                                    'events_per_s')),)),
                 Line('floor', ((1, results.spread('slow_10', 'floor',
                                                   'events_per_s')),))]
    draw_one('events_by_in_flight',
             'Events per second, batches of 10, sink at 50 ms',
             'requests in flight', 'events per second', in_flight,
             'set logscale x 2\nset logscale y')
    draw_one('cost_by_producers', 'CPU per event, null dispatcher, batch 100',
             'producers', 'us per event (user + system)',
             lines(results, three, 'cpu_ns', PRODUCERS, 'null_100_{}', 1e-3),
             'set logscale x 2\nset yrange [0:]')
    memory = [Line('ours', ((depth, results.spread(
                  f'depth_{depth}', 'ours', 'memory_bytes'))
                  for depth in DEPTHS)),
              Line('Go SDK', ((depth, results.spread(
                  f'depth_{depth}', 'go', 'memory_bytes'))
                  for depth in DEPTHS)),
              Line('the JSON', ((depth, results.spread(
                  f'depth_{depth}', 'ours', 'json_bytes'))
                  for depth in DEPTHS))]
    draw_one('memory_by_depth', 'Memory of a queued event (the heap)',
             'events queued', 'bytes per event', memory,
             'set logscale x\nset yrange [0:]')
