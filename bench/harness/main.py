"""What bench/run does once everything is built. See there."""
import json
import os
import sys
import time

import bodies
import facts
import plan
import plots
import report
from results import Results
from runs import BUILD, run_at_once, run_by_turns


def measure(mode, missing):
    bodies.check(missing)
    groups = plan.without(plan.groups(mode == 'quick'), missing)
    found = facts.gather(missing)
    found['rounds'] = groups[0].rounds
    found['load_before'] = os.getloadavg()[0]
    start = time.monotonic()
    values = {}
    for number, group in enumerate(groups, 1):
        print(f'{time.monotonic() - start:5.0f} s  {number}/{len(groups)} '
              f'{group.name}', file=sys.stderr, flush=True)
        run = run_at_once if group.at_once else run_by_turns
        values[group.name] = run(group.cases, group.rounds)
    found['minutes'] = (time.monotonic() - start) / 60
    return {'facts': found, 'groups': values}


def main(mode, *missing):
    path = BUILD / ('quick.json' if mode == 'quick' else 'results.json')
    if mode != 'report':
        path.write_text(json.dumps(measure(mode, set(missing)), indent=1))
    raw = json.loads(path.read_text())
    results = Results(raw['groups'], raw['facts'])
    if mode == 'quick':
        report.print_goals(results)
    else:
        report.write(results)
        plots.draw(results)
    print(f'raw values: {path}', file=sys.stderr)


main(*sys.argv[1:])
