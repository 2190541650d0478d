"""Datafiles: what an SDK accepts we accept, and look-ups agree."""
import collections
import json

import datafiles
import go_differences
from generate import Generator

# What the library reads and the SDK's schema does not look at.
UNCHECKED = ("region", "sdkKey", "environmentKey", "anonymizeIP",
             "botFiltering", "sendFlagDecisions", "rollouts", "holdouts",
             "localHoldouts")


class Asked:
    """A datafile, and the keys that are looked up in it."""

    def __init__(self, name, datafile, keys):
        self.name, self.datafile, self.keys = name, datafile, keys

    def lines(self):
        return [{"datafile": self.name, "text": json.dumps(self.datafile)},
                dict(self.keys, lookup=self.name)]


def keys_of(datafile):
    """All keys of a sound datafile, and one that it does not have."""
    experiments = datafiles.experiments_of(datafile)
    return {
        "attributes": [item["key"] for item in datafile["attributes"]] +
                      ["no such"],
        "events": [item["key"] for item in datafile["events"]] + ["no such"],
        "experiments": [item["key"] for item in experiments] + ["no such"],
        "variations": [[item["key"], other["key"]] for item in experiments
                       for other in item["variations"]] +
                      [["no such", "v0"]] + [[item["key"], "no such"]
                                             for item in experiments[:1]]}


def make(generator, count):
    """Each sound datafile, then changed ones."""
    sound = list(datafiles.written().items())
    sound += [("made %d" % number, generator.datafile())
              for number in range(count // 10)]
    asked = [Asked(name, datafile, keys_of(datafile))
             for name, datafile in sound]
    for name in UNCHECKED:
        asked.append(Asked("wrong type of " + name, datafiles.changed(
            "game", **{name: 5}), keys_of(datafiles.read("game"))))
    for number in range(count):
        name, datafile = generator.random.choice(sound)
        changed = generator.change(datafile)
        if number % 4 == 0:
            changed = generator.change(changed)
        asked.append(Asked("%s, change %d" % (name, number), changed,
                           keys_of(datafile)))
    return asked


def is_string(value):
    return value is None or isinstance(value, str)


def has_wrong_type(value, name):
    """In a field that the library reads and the SDK's schema does not."""
    if name in Generator.FLAGS:
        return not (value is None or isinstance(value, bool))
    if name in Generator.STRINGS:
        return not is_string(value)
    if value is None or name not in Generator.LISTS:
        return False
    if not isinstance(value, list):
        return True
    inner = {"groups": ["experiments"], "rollouts": ["experiments"],
             "attributes": ["id", "key"], "events": ["id", "key"],
             "variations": ["id", "key"]}.get(
                 name, ["id", "key", "layerId", "variations"])
    if "oldouts" in name:
        inner = ["id", "key", "variations"]
    return any(item is not None and (
        not isinstance(item, dict) or
        any(has_wrong_type(item.get(field), field) for field in inner))
        for item in value)


def is_refused_on_purpose(datafile):
    return any(has_wrong_type(datafile.get(name), name) for name in UNCHECKED)


def agree(value, found):
    """An id that is absent or null is empty here."""
    if isinstance(value, list) and isinstance(found, list):
        return len(value) == len(found) and all(map(agree, value, found))
    return value == found or value is None and found == ""


def compare(official, item, theirs, ours):
    """What is wrong, or None; and the listed difference, or None."""
    refused = isinstance(item.datafile, dict) and is_refused_on_purpose(
        item.datafile)
    if not theirs.pop("accepted"):
        return refused_by_version(official, item, theirs, ours)
    if ours["status"] != 0:
        if refused:
            return None, {"wrong-types-refused"}
        return "refused: " + ours["message"], set()
    if refused:
        return "wrong-types-refused does not occur where it should", set()
    theirs.pop("by", None)
    listed = set()
    for name, value in theirs.items():
        found = ours[name]
        if name in ("experiments", "variations"):
            value = with_holdouts(official, item, name, value, found, listed)
        if official.name == "go" and name == "attributes":
            value = attributes_by_id(item, value, found, listed)
        if official.name != "node" and name in ("experiments", "variations"):
            value = experiments_by_id(item, name, value, found, listed)
        if name == "region":
            value = value or "US"
        if not agree(value, found):
            return "%s is %.200r, expected %.200r" % (
                name, found, value), set()
    return None, listed


def refused_by_version(official, item, theirs, ours):
    """Go reads version 4 alone; beyond that, only what all refuse."""
    if official.name != "go" or theirs["by"] != "version":
        return None, set()
    if item.datafile.get("version") not in ("2", "3"):
        return ours["status"] == 0 and \
            "accepted although the version is unknown" or None, set()
    return None, {"older-datafiles-read"} if ours["status"] == 0 else set()


def with_holdouts(official, item, name, value, found, listed):
    """A local holdout without rules is left out by the SDKs; any holdout by
    the Go SDK, which knows none."""
    lost = {other.get("key") for other in
            item.datafile.get("localHoldouts") or []
            if isinstance(other, dict) and other.get("includedRules") is None}
    difference = "local-holdout-without-rules"
    if official.name == "go":
        lost = {other.get("key") for field in ("holdouts", "localHoldouts")
                for other in item.datafile.get(field) or [] if other}
        difference = "holdouts-known"
    made = list(value)
    for place, key in enumerate(item.keys[name]):
        key = key[0] if name == "variations" else key
        if key in lost and made[place] in (None, [None, None]) and \
                made[place] != found[place]:
            made[place] = found[place]
            listed.add(difference)
    return made


def attributes_by_id(item, value, found, listed):
    """Of several with one id, Go keeps the first."""
    known = go_differences.go_attribute_ids(item.datafile)
    plain = {other.get("key") or "": other.get("id") or ""
             for other in item.datafile.get("attributes") or [] if other}
    made = list(value)
    for place, key in enumerate(item.keys["attributes"]):
        if known.get(key) != plain.get(key) == found[place] and \
                made[place] == known.get(key):
            made[place] = found[place]
            listed.add("attributes-of-one-id")
    return made


def experiments_by_id(item, name, value, found, listed):
    """Of several with one id, Go finds the last for all; Python loses the
    others."""
    rules = datafiles.rules_of(item.datafile)
    ids = collections.Counter(rule.get("id") for rule in rules)
    lost = {rule.get("key") for rule in rules if ids[rule.get("id")] > 1}
    made = list(value)
    for place, key in enumerate(item.keys[name]):
        key = key[0] if name == "variations" else key
        if key in lost and not agree(made[place], found[place]):
            made[place] = found[place]
            listed.add("experiments-of-one-id")
    return made
