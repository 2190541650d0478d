"""What the library sends differently from the official Go SDK alone, listed
beside those of differences.py."""
import decimal
import re

import datafiles
import values
from differences import BOT, is_valid_attribute, of_events
from values import Number

# Attributes.

def go_attribute_ids(datafile):
    """Go knows attributes by their ids: the first of one id is the only."""
    seen, known = set(), {}
    for item in datafile.get("attributes") or []:
        item = item or {}
        identity, key = item.get("id") or "", item.get("key") or ""
        if identity not in seen:
            seen.add(identity)
            known[key] = identity
    return known


def entity_ids(sent, key):
    """What Go sends as an attribute's id, and what the library does; "" if
    the attribute is left out."""
    own = key if key.startswith("$opt_") else ""
    known = {item["key"]: item["id"] for item in sent.datafile["attributes"]}
    return go_attribute_ids(sent.datafile).get(key) or own, known.get(key, own)


def attributes_of(sent, condition):
    """[(pair, Go's id, the library's id)]"""
    made = [(pair, *entity_ids(sent, values.without_bad_bytes(pair[0])))
            for pair in sent.attributes
            if pair[0] != BOT and is_valid_attribute(pair)]
    return [item for item in made if condition(*item)]


def is_reserved_without_id(pair, theirs, ours):
    return ours == "" and theirs == pair[0] != ""


def is_of_shared_id(pair, theirs, ours):
    return theirs != ours and not is_reserved_without_id(pair, theirs, ours)


@of_events("go", lambda sent: bool(attributes_of(sent,
                                                 is_reserved_without_id)))
def reserved_attribute_without_id(sent):
    wanted = [pair[0] for pair, _, _ in
              attributes_of(sent, is_reserved_without_id)]
    found = [item for item in sent.visitor["attributes"]
             if item["key"] in wanted and item["entity_id"] == item["key"]]
    for item in found:
        sent.visitor["attributes"].remove(item)
    return len(found) == len(wanted)


@of_events("go", lambda sent: bool(attributes_of(sent, is_of_shared_id)))
def attributes_of_one_id(sent):
    for pair, theirs, ours in attributes_of(sent, is_of_shared_id):
        found = [item for item in sent.visitor["attributes"]
                 if item["key"] == pair[0]]
        if [item["entity_id"] for item in found] != [theirs][:theirs != ""]:
            return False
        for item in found:
            sent.visitor["attributes"].remove(item)
        if ours != "":
            sent.visitor["attributes"].append({
                "entity_id": ours, "key": pair[0], "type": "custom",
                "value": sent_value(pair)})
    return True


def sent_value(pair):
    """An attribute's value as it stands in the parsed body."""
    if pair[1] == "b":
        return pair[2] == "true"
    if pair[1] == "s":
        return values.without_bad_bytes(pair[2])
    return Number(pair[2] if pair[1] == "i" else repr(values.double_of(pair)))


# Decisions.

def rule_and_variation_ids(sent):
    """The rule of an impression, if any, and the id of its variation."""
    wanted = sent.step["impression"]
    rule = next((item for item in datafiles.rules_of(sent.datafile)
                 if item["key"] == wanted.get("experiment")), None)
    return rule, next((item["id"] for item in (rule or {}).get(
        "variations", []) if item["key"] == wanted.get("variation")), "")


@of_events("go", lambda sent: sent.decision is not None and re.fullmatch(
    "[0-9]+", rule_and_variation_ids(sent)[1]) is None)
def variation_id_null(sent):
    """Go sends an id of whatever form, and "" for none."""
    if sent.decision["variation_id"] != rule_and_variation_ids(sent)[1]:
        return False
    sent.decision["variation_id"] = None
    return True


def has_rule_without_layer(sent):
    if sent.decision is None:
        return False
    rule, _ = rule_and_variation_ids(sent)
    return rule is not None and rule["layerId"] == "" and rule["id"] != ""


@of_events("go", has_rule_without_layer)
def campaign_from_experiment(sent):
    if sent.decision["campaign_id"] != "" or sent.event["entity_id"] != "":
        return False
    rule, _ = rule_and_variation_ids(sent)
    sent.decision["campaign_id"] = sent.event["entity_id"] = rule["id"]
    return True


@of_events("go", lambda sent: sent.step.get("impression", {}).get(
    "cmab_uuid") is not None)
def cmab_uuid_sent(sent):
    """v2.0.0 knows no such decisions."""
    if "cmab_uuid" in sent.decision["metadata"]:
        return False
    sent.decision["metadata"]["cmab_uuid"] = values.without_bad_bytes(
        sent.step["impression"]["cmab_uuid"])
    return True


# Doubles.

def whole_in_digits(pair):
    """Whether Go's text of a double, which is its shortest and has no
    exponent below 10^21, reads as another integer."""
    if pair[1] != "d" or values.is_unsendable(pair):
        return False
    number = values.double_of(pair)
    return number.is_integer() and abs(number) < 2.0 ** 63 and \
        int(decimal.Decimal(repr(number))) != int(number)


@of_events("go", lambda sent: any(map(whole_in_digits, sent.tags)))
def whole_double_in_full(sent):
    for pair in filter(whole_in_digits, sent.tags):
        key, number = pair[0], values.double_of(pair)
        places = [(sent.event["tags"], key)]
        if key == "value":
            places.append((sent.event, key))
        for place, name in places:
            if int(place[name].text) != int(decimal.Decimal(repr(number))):
                return False
            place[name] = Number(int(number))
    return True
