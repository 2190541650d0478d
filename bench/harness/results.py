"""The values that were measured, and what follows from them."""
from statistics import median


class Spread:
    """The median of some rounds, with the least and the most."""

    def __init__(self, values):
        self.median = median(values)
        self.least, self.most = min(values), max(values)


def derive(values):
    """Adds what follows from one run's values."""
    if 'wall_s' in values:
        values['wall_ns'] = (values['wall_s'] * 1e9 /
                             max(values['delivered'], 1))
    if 'received' in values:
        accepted = values.get('accepted', values['delivered'])
        values['lost_percent'] = 100 * (1 - values['received'] /
                                        max(accepted, 1))
        values['bytes'] = values['body_bytes'] / max(values['received'], 1)
    if 'process_ns_10' in values:
        values['growth'] = values['process_ns_10'] / values['process_ns_1']
        values['memory_ratio'] = values['memory_bytes'] / values['json_bytes']
    if 'id_bytes' in values:
        values['overhead_bytes'] = (values['memory_bytes'] -
                                    values['json_bytes'] - values['id_bytes'])


def subtract_idle(idle):
    """What an idle processor adds to the same program without one."""
    for case, base in (('null', 'none'), ('http', 'none'),
                       ('go_null', 'go_none')):
        for values, without in zip(idle.get(case, ()), idle.get(base, ())):
            for name in ('resident_kib', 'anonymous_kib', 'kept_kib'):
                if name in values:  # not where there is no glibc to ask
                    values['more_' + name] = values[name] - without[name]


class Results:
    """`groups`: the rounds' values by group and case; `facts`: the rest."""

    def __init__(self, groups, facts):
        self.groups = groups
        self.facts = facts
        for cases in groups.values():
            for rounds in cases.values():
                for values in rounds:
                    derive(values)
        subtract_idle(groups.get('idle', {}))

    def values(self, group, case, metric):
        rounds = self.groups.get(group, {}).get(case, ())
        return [values[metric] for values in rounds if metric in values]

    def spread(self, group, case, metric):
        """None if it was not measured."""
        values = self.values(group, case, metric)
        return Spread(values) if values else None

    def ratio(self, above, below):
        """Round by round; each is (group, case, metric)."""
        pairs = zip(self.values(*above), self.values(*below))
        ratios = [one / other for one, other in pairs if other > 0]
        return Spread(ratios) if ratios else None
