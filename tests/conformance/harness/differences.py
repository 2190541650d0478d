"""What the library sends differently from an official SDK, on purpose.

Each difference has a name, which docs/compatibility.md explains. `due` tells
from the case alone whether it must occur; `apply` turns the SDK's form into
the library's, and returns whether it found the SDK's form. One that is due
and not found fails the case, as does anything that none of them accounts for.
"""
import decimal
import math
import re

import datafiles
import values
from values import INT64_MAX, INT64_MIN, TWO_53, Number, Unsendable

BOT = "$opt_bot_filtering"
OK, SKIPPED, NOT_FOUND, QUEUE_FULL, TOO_LARGE = 0, 1, -3, -5, -13


class Sent:
    """One event of a case, as an SDK sent it."""

    def __init__(self, official, step, datafile, visitor, is_spoiled):
        self.official, self.step, self.datafile = official, step, datafile
        self.visitor, self.is_spoiled = visitor, is_spoiled
        snapshot, = visitor["snapshots"]
        self.event, = snapshot["events"]
        self.decision = snapshot.get("decisions", [None])[0]
        self.attributes = values.last_of_each(step.get("attributes") or [])
        self.has_tags = (step.get("conversion") or {}).get("tags") is not None
        self.tags = values.last_of_each(
            (step.get("conversion") or {}).get("tags") or [])

    def tag(self, name):
        return values.find(self.tags, name)

    def bot_filtering(self):
        return self.datafile.get("botFiltering")

    def drop_tag(self, name):
        """Returns the tag, or "nothing". In Go, no tags are no field."""
        tags = self.event.get("tags", {})
        found = tags.pop(name, "nothing")
        if self.official == "go" and not tags:
            self.event.pop("tags", None)
        return found


class Difference:
    def __init__(self, name, officials, due, apply):
        self.name, self.officials = name, officials
        self.due, self.apply = due, apply


OF_EVENTS = []


def of_events(officials, due):
    """Lists a function as the `apply` of a difference that bears its name."""
    def add(apply):
        name = apply.__name__.replace("_", "-")
        OF_EVENTS.append(Difference(name, officials.split(), due, apply))
        return apply
    return add


def is_valid_attribute(pair):
    if pair[1] == "i":
        return abs(float(int(pair[2]))) <= TWO_53
    if pair[1] == "d":
        return abs(values.double_of(pair)) <= TWO_53
    return pair[1] in "bs"


def is_known(sent, key):
    known = {item["key"]: item["id"] for item in sent.datafile["attributes"]}
    return known.get(key, key if key.startswith("$opt_") else "") != ""


def truncated(pair):
    """The revenue of a double; None if there is none."""
    number = values.double_of(pair)
    if not math.isfinite(number):
        return None
    return math.trunc(number)


def python_float(text):
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


# Attributes.

def user_sets_bot_filtering(sent):
    pair = values.find(sent.attributes, BOT)
    if pair is None or not is_valid_attribute(pair) or \
            sent.official != "go" and not is_known(sent, BOT):
        return False
    return sent.official != "python" or pair[1] != "i" or \
        abs(int(pair[2])) <= TWO_53


@of_events("python node go", user_sets_bot_filtering)
def bot_filtering_once(sent):
    """The user's own is not sent; the project's, which is last, is."""
    is_project_set = sent.official == "go" or \
        isinstance(sent.bot_filtering(), bool)
    found = [item for item in sent.visitor["attributes"] if item["key"] == BOT]
    if len(found) != 1 + is_project_set:
        return False
    sent.visitor["attributes"].remove(found[0])
    return True


@of_events("python node",
           lambda sent: not isinstance(sent.bot_filtering(), bool))
def bot_filtering_always(sent):
    if any(item["key"] == BOT for item in sent.visitor["attributes"]):
        return False
    sent.visitor["attributes"].append({
        "entity_id": BOT, "key": BOT, "type": "custom", "value": False})
    return True


def attributes_at_the_limit(sent):
    return [pair for pair in sent.attributes
            if pair[1] == "i" and abs(int(pair[2])) == TWO_53 + 1
            and is_known(sent, pair[0]) and pair[0] != BOT]


@of_events("python", lambda sent: bool(attributes_at_the_limit(sent)))
def limit_as_double(sent):
    """2^53 + 1 reads as 2^53 in the service, and so is within the limit."""
    ids = {item["key"]: item["id"] for item in sent.datafile["attributes"]}
    for key, _, text in attributes_at_the_limit(sent):
        if any(item["key"] == key for item in sent.visitor["attributes"]):
            return False
        sent.visitor["attributes"].append({
            "entity_id": ids.get(key, key), "key": key, "type": "custom",
            "value": Number(text)})
    return True


def sends_negative_zero(sent):
    return any(values.is_negative_zero(pair) and is_known(sent, pair[0]) and
               pair[0] != BOT for pair in sent.attributes) or any(
                   values.is_negative_zero(pair) for pair in sent.tags)


@of_events("node", sends_negative_zero)
def negative_zero(sent):
    """JSON.stringify drops the sign."""
    found = 0
    for pair in filter(values.is_negative_zero, sent.attributes):
        for item in sent.visitor["attributes"]:
            if item["key"] == pair[0] != BOT and item["value"].text == "0":
                item["value"] = Number("-0")
                found += 1
    for pair in filter(values.is_negative_zero, sent.tags):
        if sent.event["tags"][pair[0]].text == "0":
            sent.event["tags"][pair[0]] = Number("-0")
            found += 1
        if pair[0] == "value" and sent.event["value"].text == "0":
            sent.event["value"] = Number("-0")
    return found > 0


# Decisions.

def variation_id_of(sent):
    wanted = sent.step["impression"]
    return next((other["id"] for item in sent.datafile["experiments"]
                 for other in item["variations"]
                 if item["key"] == wanted.get("experiment") and
                 other["key"] == wanted.get("variation")), None)


@of_events("python", lambda sent: sent.step.get("impression", {}).get(
    "cmab_uuid") == "")
def empty_cmab_uuid(sent):
    if "cmab_uuid" in sent.decision["metadata"]:
        return False
    sent.decision["metadata"]["cmab_uuid"] = ""
    return True


@of_events("python", lambda sent: "decide" in sent.step and
           variation_id_of(sent) == "")
def variation_key_kept(sent):
    """Python looks the variation up once more, by its empty id."""
    metadata = sent.decision["metadata"]
    if metadata["variation_key"] != "":
        return False
    metadata["variation_key"] = sent.step["impression"]["variation"]
    return True


def has_no_ids(sent):
    wanted = (sent.step.get("impression") or {}).get("experiment")
    return sent.decision is not None and not any(
        item["id"] + item.get("layerId", "") for item in
        datafiles.experiments_of(sent.datafile) if item["key"] == wanted)


@of_events("node", has_no_ids)
def empty_campaign_id(sent):
    if sent.decision["campaign_id"] is not None or \
            sent.event["entity_id"] is not None:
        return False
    sent.decision["campaign_id"] = sent.event["entity_id"] = ""
    return True


# Revenue and value.

def revenue_is_double(sent):
    pair = sent.tag("revenue")
    whole = truncated(pair) if pair and pair[1] == "d" else None
    return whole is not None and INT64_MIN <= whole <= INT64_MAX


@of_events("python", revenue_is_double)
def revenue_from_double(sent):
    if "revenue" in sent.event:
        return False
    sent.event["revenue"] = Number(truncated(sent.tag("revenue")))
    return True


def revenue_is_too_large(sent):
    pair = sent.tag("revenue")
    whole = truncated(pair) if pair and pair[1] == "d" else None
    if sent.official == "go" and pair and pair[1] == "d" and whole is None:
        return True
    return whole is not None and not INT64_MIN <= whole <= INT64_MAX


@of_events("node go", revenue_is_too_large)
def revenue_beyond_int64(sent):
    """In Go it is whatever the machine makes of it."""
    return sent.event.pop("revenue", None) is not None


def node_reads(name, pattern):
    """Whether the Node SDK makes a number of a tag that is none."""
    def due(sent):
        pair = sent.tag(name)
        if pair is None or pair[1] not in "sbj" or \
                values.is_broken_json(pair):
            return False
        if pair[1] == "j":  # only [] and [5] read as numbers
            return isinstance(values.json_of(pair), list) and None
        return pair[1] == "b" or re.match(pattern, pair[2]) is not None
    return due


JS_SPACE = r"[\s\ufeff]*"
JS_INTEGER = JS_SPACE + r"[+-]?(0[xX][0-9a-fA-F]|[0-9])"
JS_FLOAT = JS_SPACE + r"[+-]?(\.?[0-9])"


@of_events("node", node_reads("revenue", JS_INTEGER))
def revenue_from_other_types(sent):
    return sent.event.pop("revenue", None) is not None


@of_events("node", node_reads("value", JS_FLOAT))
def value_from_other_types(sent):
    return sent.event.pop("value", None) is not None


def python_reads_value(sent):
    pair = sent.tag("value")
    return pair is not None and pair[1] == "s" and \
        python_float(pair[2]) is not None


@of_events("python", python_reads_value)
def value_from_string(sent):
    return sent.event.pop("value", None) is not None


def value_is_large_integer(sent):
    pair = sent.tag("value")
    if pair is None or pair[1] != "i":
        return False
    rounded = float(int(pair[2]))
    if sent.official == "go":  # which writes its shortest text in full
        return int(decimal.Decimal(repr(rounded))) != int(pair[2])
    return int(rounded) != int(pair[2])


@of_events("python go", value_is_large_integer)
def value_of_integer_exact(sent):
    exact, found = Number(sent.tag("value")[2]), sent.event["value"]
    if found.is_integer() and int(found.text) == int(exact.text) or \
            not found.equals(exact, False):
        return False
    sent.event["value"] = exact
    return True


# Tags.

def carries_not_finite(step):
    return any(pair[1] == "d" and values.is_unsendable(pair) for pair in
               values.last_of_each(
                   (step.get("conversion") or {}).get("tags") or []))


@of_events("python node go", lambda sent: carries_not_finite(sent.step))
def unsendable_number_left_out(sent):
    if sent.official == "go" and not sent.is_spoiled:
        return False
    for pair in sent.tags:
        if pair[1] != "d" or not values.is_unsendable(pair):
            continue
        found = sent.drop_tag(pair[0])
        # Node writes null; Python writes NaN, which is not JSON; Go writes
        # nothing at all, and its driver NaN.
        if found is not None and not isinstance(found, Unsendable):
            return False
    return True


def deep_tags(sent):
    return [pair for pair in sent.tags if pair[1] == "j" and
            values.is_unsendable(pair) and not values.is_broken_json(pair)]


@of_events("python node go", lambda sent: bool(deep_tags(sent)))
def deep_tag_left_out(sent):
    lost = [sent.drop_tag(pair[0]) for pair in deep_tags(sent)]
    return "nothing" not in lost


def carries_broken(sent):
    return any(map(values.is_broken_json, sent.tags))


@of_events("python node go", carries_broken)
def broken_json_left_out(sent):
    """An SDK has values, not text, and so got the case without the tag."""
    return not any(pair[0] in sent.event.get("tags", {}) for pair in sent.tags
                   if values.is_broken_json(pair))


CLEANED = ("revenue", "value", "tags", "decisions")


def restore_nulls(given, found):
    """Puts the nulls that Python dropped back; returns how many."""
    count = 0
    if isinstance(given, dict):
        for name, inside in given.items():
            if inside is None and name in CLEANED and name not in found:
                found[name] = None
                count += 1
            elif inside is not None:
                count += restore_nulls(inside, found[name])
    elif isinstance(given, list):
        for inside, place in zip(given, found):
            count += restore_nulls(inside, place)
    return count


def has_cleaned_null(given):
    if isinstance(given, dict):
        return any(inside is None and name in CLEANED or
                   has_cleaned_null(inside) for name, inside in given.items())
    return isinstance(given, list) and any(map(has_cleaned_null, given))


def given_tags(sent):
    """The tags as plain values, without those that are left out."""
    return {pair[0]: values.json_of(pair) if pair[1] == "j" else
            None if pair[1] == "n" else 0
            for pair in sent.tags if not values.is_unsendable(pair)}


def loses_nulls(sent):
    """Node drops a tag that is null; Python some names, at any depth."""
    if sent.official == "node":
        return None in given_tags(sent).values()
    return has_cleaned_null(given_tags(sent))


@of_events("python node", loses_nulls)
def null_tag_kept(sent):
    if sent.official == "python":
        return restore_nulls(given_tags(sent), sent.event["tags"]) > 0
    lost = [name for name, value in given_tags(sent).items() if value is None
            and name not in sent.event["tags"]]
    sent.event["tags"].update(dict.fromkeys(lost))
    return bool(lost)


@of_events("python node", lambda sent: sent.has_tags and all(
    values.is_unsendable(pair) for pair in sent.tags))
def empty_tags_left_out(sent):
    return sent.event.pop("tags", None) == {}


# The harness itself makes this one: see values.without_bad_bytes.

@of_events("python node", lambda sent: values.has_bad_bytes(sent.step))
def invalid_utf8_replaced(sent):
    del sent
    return True


# Events that an SDK sends and the library does not.

def byte_len(text):
    return len(text.encode("utf-8", "surrogateescape"))


def is_too_large(step):
    pairs = step.get("attributes") or []
    tags = (step.get("conversion") or {}).get("tags") or []
    impression = step.get("impression") or {}
    texts = [impression.get(name) for name in
             ("flag_key", "rule_key", "rule_type", "cmab_uuid")]
    texts += [step["user"]] + [pair[0] for pair in pairs + tags]
    long_value = any(pair[1] == "s" and byte_len(pair[2]) > 65536
                     for pair in pairs + tags)
    total = sum(byte_len(pair[2]) for pair in tags if pair[1] in "sj")
    return any(byte_len(text or "") > 4096 for text in texts) or long_value \
        or len(pairs) > 1000 or len(tags) > 1000 or total > 1048576


def is_not_due(step, datafile):
    """An impression that nobody has to see."""
    wanted = step.get("impression")
    if wanted is None or datafile.get("sendFlagDecisions"):
        return False
    return wanted["rule_type"] == "rollout" or not wanted.get("variation")


def status_without_event(step, datafile):
    """The status of an event that an SDK sends and the library does not,
    with the difference that says so; None where both send it."""
    if is_too_large(step):
        return "limits", TOO_LARGE
    if "decide" not in step and is_not_due(step, datafile):
        return "due-rule-in-builder", SKIPPED
    return None


# What an SDK is not given in the first place.
NEVER_SENT = ["broken-json-left-out", "invalid-utf8-replaced"]
OF_BATCHES = {
    "region-in-body": "python node go", "client-name": "python node go",
    "region-in-any-case": "node", "endpoint-of-region": "go",
    "configured-endpoint": "python node",
    "batches-by-context": "python node go"}
OF_RUNS = {
    "limits": "python node go", "due-rule-in-builder": "python",
    "retried-until-delivered": "python node",
    "impression-uuid-kept": "go", "same-uuid-on-retry": "go",
    "one-callback-each-batch": "go", "refused-batch-is-split": "python go",
    "wrong-types-refused": "python node go",
    "local-holdout-without-rules": "python", "holdouts-known": "go",
    "older-datafiles-read": "go", "experiments-of-one-id": "python go"}
TITLES = {"python": "Python", "node": "Node", "go": "Go"}


def listed():
    """All names, with the SDKs that each holds for; those of
    go_differences too, once that is loaded."""
    made = {item.name: item.officials for item in OF_EVENTS}
    for name, officials in {**OF_BATCHES, **OF_RUNS}.items():
        made[name] = officials.split()
    return made


def title_of(officials):
    """As docs/compatibility.md writes it."""
    if len(officials) == len(TITLES):
        return "all"
    return ", ".join(TITLES[name] for name in officials) or None
