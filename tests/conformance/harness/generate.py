"""Random cases and datafiles, the same ones for the same seed."""
import json
import math
import random
import struct

import cases
import datafiles
from values import as_json, bits, boolean, integer, null, string

KEYS = ["device", "country", "logged_in", "basket_value", "orders", "größe",
        "utm source", "$opt_user_agent", "$opt_bot_filtering", "$opt_x",
        "nope", "", "Device"]
TAGS = ["revenue", "value", "a", "b", "category", "größe", "Revenue", "z z",
        "", "tags", "decisions", "\U0001f600", "a\"b", "revenue2"]
POOLS = ["abc XYZ 019", "\"\\/\b\f\n\r\t", "\x01\x1f\x7f\x80\x9f", "äöüßéñ",
         "中文字العربية", "\u2028\u2029\ufeff\ufffd\uffff",
         "\U0001f600\U0001f4bb\U0010ffff", "<>&'`"]
RULE_TYPES = ["", "experiment", "feature-test", "rollout", "holdout"]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.count = 0

    def often(self, chance):
        return self.random.random() < chance

    def text(self):
        pick = self.random
        if self.often(0.1):
            return pick.choice(["", "0", "12", "1.5", " 7", "1e3", "NaN",
                                "true", "0x10", "[]"])
        made = ""
        for _ in range(pick.choice([1, 1, 2, 3])):
            pool = pick.choice(POOLS)
            made += "".join(pick.choice(pool)
                            for _ in range(pick.choice([1, 3, 8, 20])))
        return made

    def dirty_text(self):
        """Sometimes with bytes that are not UTF-8."""
        made = self.text()
        if self.often(0.05):
            place = self.random.randrange(len(made) + 1)
            bad = "".join(chr(0xdc00 + self.random.choice(
                [0x80, 0xbf, 0xc0, 0xf5, 0xfe, 0xff]))
                for _ in range(self.random.choice([1, 2])))
            made = made[:place] + bad + made[place:]
        # Bytes that happen to make a character together are one.
        return made.encode("utf-8", "surrogateescape").decode(
            "utf-8", "surrogateescape")

    def whole(self):
        pick = self.random
        return pick.choice([
            pick.randrange(-5, 100), pick.randrange(-10 ** 6, 10 ** 9),
            pick.choice([-1, 1]) * (2 ** 53 + pick.randrange(-2, 4)),
            pick.randrange(-2 ** 63, 2 ** 63),
            pick.choice([2 ** 63 - 1, -2 ** 63, 2 ** 31, -2 ** 31 - 1])])

    def number(self):
        """The bits of a double: any at all, or one that people use."""
        pick = self.random
        if self.often(0.4):
            return pick.getrandbits(64)
        value = pick.choice([
            pick.randrange(-10 ** 6, 10 ** 6) / 100, float(self.whole()),
            pick.random(), pick.uniform(-1e15, 1e15), pick.randrange(10) / 10,
            pick.choice([0.0, -0.0, 1e21, 1e-7, 5e-324, math.nan, math.inf,
                         -math.inf]),
            pick.choice([-1, 1]) * 2.0 ** pick.randrange(-1074, 1024)])
        return struct.unpack(">Q", struct.pack(">d", value))[0]

    def structure(self, depth=0):
        pick = self.random
        kind = pick.randrange(8 if depth < 4 else 6)
        if kind == 6:
            return [self.structure(depth + 1)
                    for _ in range(pick.randrange(4))]
        if kind == 7:
            return {self.text(): self.structure(depth + 1)
                    for _ in range(pick.randrange(4))}
        return [None, True, False, pick.randrange(-10 ** 9, 10 ** 9),
                pick.randrange(1, 10 ** 6) / 1000, self.text()][kind]

    def json_text(self):
        pick = self.random
        if self.often(0.05):
            return pick.choice(["{", "[1,]", "", "{\"a\":}", "[1 2]",
                                "[" * 40 + "]" * 40, "nul", "[\"\x01\"]"])
        made = self.structure()
        if not isinstance(made, (list, dict)):
            made = [made]
        return json.dumps(made, ensure_ascii=self.often(0.5),
                          indent=pick.choice([None, None, 1]))

    def pair(self, key):
        kind = self.random.choice("nbiidddsssj")
        if kind == "n":
            return null(key)
        if kind == "b":
            return boolean(key, self.often(0.5))
        if kind == "i":
            return integer(key, self.whole())
        if kind == "d":
            return bits(key, self.number())
        if kind == "s":
            return string(key, self.dirty_text())
        return as_json(key, self.json_text())

    def pairs(self, keys):
        pick = self.random
        if self.often(0.2):
            return None
        return [self.pair(pick.choice(keys))
                for _ in range(pick.choice([0, 1, 2, 3, 5, 8]))]

    def identity(self):
        if self.often(0.5):
            return {}
        self.count += 1
        return {"uuid": "%08x-0000-4000-8000-%012x" % (
            self.random.getrandbits(32), self.count),
                "time": str(self.random.randrange(1, 253402300799999))}

    def conversion(self, name, datafile):
        keys = [item["key"] for item in datafile["events"]] + ["nope"]
        return {"in": name, "user": self.dirty_text(),
                "attributes": self.pairs(self.attribute_keys(datafile)),
                "conversion": {"key": self.random.choice(keys),
                               "tags": self.pairs(TAGS)}}

    def attribute_keys(self, datafile):
        return KEYS + [item["key"] for item in datafile["attributes"]]

    def impression(self, name, datafile):
        pick = self.random
        options = [(item["key"], other["key"])
                   for item in datafile["experiments"] +
                   datafile.get("holdouts", [])
                   for other in item["variations"]] + [(None, None)]
        experiment, variation = pick.choice(options)
        if self.often(0.1):
            variation = None
        return cases.impression(
            experiment, variation, flag_key=self.dirty_text(),
            rule_key=self.dirty_text(), rule_type=pick.choice(RULE_TYPES),
            enabled=self.often(0.5),
            cmab_uuid=self.text() if self.often(0.3) else None,
            user=self.dirty_text(), **{
                "in": name,
                "attributes": self.pairs(self.attribute_keys(datafile))})

    def decision(self, name, datafile):
        """One that a client can be brought to."""
        pick = self.random
        by_id = {item["id"]: item for item in datafile["experiments"]}
        options = [(flag["key"], by_id[identity])
                   for flag in datafile.get("featureFlags", [])
                   for identity in flag["experimentIds"] if identity in by_id]
        options = [(flag, item) for flag, item in options
                   if item["variations"]]
        if not options or name == "game_held_out":
            return self.impression(name, datafile)
        flag, item = pick.choice(options)
        chosen = pick.choice(item["variations"])
        return cases.decision(
            name, flag, (item["key"], chosen["key"]), "feature-test",
            chosen.get("featureEnabled", False), user=self.dirty_text(),
            attributes=self.pairs(self.attribute_keys(datafile)))

    def step(self, names, known):
        name = self.random.choice(names)
        make = self.random.choice([self.conversion, self.conversion,
                                   self.impression, self.decision,
                                   self.decision])
        step = make(name, known[name])
        step.update(self.identity())
        return step

    def case(self, number, known):
        pick = self.random
        names = [pick.choice(list(known))]
        if self.often(0.1):
            names.append(pick.choice(list(known)))
        steps = [self.step(names, known)
                 for _ in range(pick.choice([1, 1, 1, 1, 2, 3, 12]))]
        return {"case": "random %d" % number, "steps": steps,
                "batch": pick.choice([0, 1, 2, 3, 10])}

    # Datafiles.

    def identifier(self):
        pick = self.random
        return pick.choice([
            str(pick.randrange(10 ** 11)), str(pick.randrange(10)),
            pick.choice(datafiles.LAYER_IDS), self.text()])

    def variations(self):
        """Their ids differ, as the SDKs look variations up by id."""
        identities = {
            self.random.choice(datafiles.VARIATION_IDS) if self.often(0.3)
            else str(self.random.randrange(10 ** 6)): None
            for _ in range(self.random.randrange(4))}
        return [datafiles.variation(identity, "v%d" % number, self.often(0.5))
                for number, identity in enumerate(identities)]

    def datafile(self):
        pick = self.random
        made = datafiles.bare()
        experiments = [datafiles.experiment(
            "%d-%s" % (number, self.identifier()) if self.often(0.3)
            else "%d" % (1000 + number), "e%d" % number, self.identifier(),
            self.variations()) for number in range(pick.randrange(1, 6))]
        made.update(
            version=pick.choice(["2", "3", "4"]),
            accountId=self.identifier(), projectId=self.identifier(),
            revision=self.identifier(), experiments=experiments,
            attributes=[{"id": self.identifier(), "key": key}
                        for key in pick.sample(KEYS, pick.randrange(8))],
            events=[{"id": self.identifier(), "key": self.text() or "e",
                     "experimentIds": []}
                    for _ in range(pick.randrange(1, 4))],
            featureFlags=[datafiles.flag("f%d" % number, [item["id"]])
                          for number, item in enumerate(experiments)],
            rollouts=[])
        for name, options in (
                ("region", ["US", "EU", "eu", "", "AP", None]),
                ("anonymizeIP", [True, False]),
                ("botFiltering", [True, False]),
                ("sendFlagDecisions", [True, False])):
            if self.often(0.7):
                made[name] = pick.choice(options)
        return made

    def doubles(self, number):
        """A case of 500 doubles, to be read back exactly."""
        return cases.case("doubles %d" % number, cases.conversion(tags=[
            bits("t%03d" % place, self.finite()) for place in range(500)]))

    def finite(self):
        while True:
            number = self.random.getrandbits(64)
            if number >> 52 & 0x7ff != 0x7ff:
                return number

    # Changes to datafiles, for what is accepted and what is found there.

    STRINGS = {"accountId", "projectId", "revision", "region", "sdkKey",
               "environmentKey", "version", "id", "key", "layerId"}
    FLAGS = {"anonymizeIP", "botFiltering", "sendFlagDecisions"}
    LISTS = {"attributes", "events", "experiments", "groups", "rollouts",
             "holdouts", "localHoldouts", "variations"}

    def change(self, datafile):
        """Changes a copy at one place; returns it and what was done."""
        made = json.loads(json.dumps(datafile))
        objects = []

        def collect(value):
            if isinstance(value, dict) and value:
                objects.append(value)
            for inside in (value.values() if isinstance(value, dict) else
                           value if isinstance(value, list) else []):
                collect(inside)

        collect(made)
        place = self.random.choice(objects)
        name = self.random.choice(list(place))
        what = self.random.choice(["remove", "null", "add", "type", "text",
                                   "twice", "order"])
        if what == "remove":
            del place[name]
        elif what == "null":
            place[name] = None
        elif what == "add":
            place["unknown " + self.text()] = self.structure()
        elif what == "type":
            place[name] = self.random.choice([5, 1.5, "yes", True, [], {},
                                              [1], {"a": 1}])
        elif what == "text" and isinstance(place[name], str) and \
                name in self.STRINGS - {"version"}:
            place[name] = self.text()
        elif what == "twice" and isinstance(place[name], list):
            place[name] = place[name] + place[name]
        elif what == "order":
            items = list(place.items())
            self.random.shuffle(items)
            place.clear()
            place.update(items)
        return made
