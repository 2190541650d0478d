"""The datafiles of the run: written ones, and variants made in code."""
import copy
import json
import os

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..",
                      "datafiles")
REALISTIC = ["shop", "media", "bank", "game", "game_held_out", "legacy"]

# Ids as datafiles have had them, and some that none should have.
LAYER_IDS = ["", "0", "00", "20501850044", "layer_abc", "default-12345",
             "rollout-4411-21999870011", " ", "-1", "1.5", "1e3", "null",
             "größe", "\uff11\uff12", "\U0001f3b2", "a\"b\\c", "\t", "L" * 300]
VARIATION_IDS = ["1", "0", "007", "20485470101", "9" * 30, "", " ", "12 ",
                 " 12", "-5", "+5", "1.0", "1e3", "0x1F", "1,000", "1\n2",
                 "12\n", "abc", "12a", "null", "$opt_dummy_variation_id",
                 "\uff11\uff12", "\u0663", "\u00b2"]


def variation(identity, key, enabled):
    return {"id": identity, "key": key, "featureEnabled": enabled,
            "variables": []}


def experiment(identity, key, layer, variations):
    return {"id": identity, "key": key, "layerId": layer, "status": "Running",
            "audienceIds": [], "forcedVariations": {},
            "trafficAllocation": [], "variations": variations}


def flag(key, experiments, rollout=""):
    return {"id": "id of " + key, "key": key, "experimentIds": experiments,
            "rolloutId": rollout, "variables": []}


def odd():
    """An experiment, behind a flag, for each layer id; all variation ids."""
    base = read("bank")
    base.update(groups=[], rollouts=[], botFiltering=True)
    base["experiments"] = [
        experiment("7%d" % place if place % 3 else "exp_%d" % place,
                   "e%d" % place, layer,
                   [variation(identity, "v%d" % number, number % 2 == 0)
                    for number, identity in enumerate(VARIATION_IDS)])
        for place, layer in enumerate(LAYER_IDS)]
    base["experiments"].append(experiment(
        "", "nameless", "", [variation("1", "v0", True)]))
    base["featureFlags"] = [
        flag("f%d" % place, [item["id"]])
        for place, item in enumerate(base["experiments"])]
    return base


def bare():
    """No more than must be there; what else there is, is empty."""
    return {"version": "3", "accountId": "", "projectId": "", "revision": "",
            "attributes": [{"id": "", "key": "nothing"},
                           {"id": "", "key": "$opt_nothing"},
                           {"id": "1", "key": ""},
                           {"id": "2", "key": "twice"},
                           {"id": "3", "key": "twice"},
                           {"id": "bot", "key": "$opt_known"}],
            "events": [{"id": "", "key": "nothing", "experimentIds": []},
                       {"id": "1", "key": "twice", "experimentIds": []},
                       {"id": "2", "key": "twice", "experimentIds": []}],
            "experiments": [], "groups": [], "audiences": []}


def read(name):
    with open(os.path.join(FOLDER, name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def rules_of(datafile):
    """The experiments and deliveries."""
    made = list(datafile.get("experiments") or [])
    for name in ("groups", "rollouts"):
        for item in filter(None, datafile.get(name) or []):
            made += item.get("experiments") or []
    return list(filter(None, made))


def experiments_of(datafile):
    """Of all kinds, holdouts too."""
    return rules_of(datafile) + datafile.get("holdouts", []) + datafile.get(
        "localHoldouts", [])


def changed(name, **fields):
    made = copy.deepcopy(read(name))
    made.update(fields)
    return {key: value for key, value in made.items() if value != "(absent)"}


def written():
    """By name, all that the written cases use."""
    made = {name: read(name) for name in REALISTIC}
    made["odd"] = odd()
    made["bare"] = bare()
    for region in ["US", "EU", "us", "eu", "Eu", "", "AP", "MARS", "é",
                   "(absent)"]:
        made["region " + region] = changed("shop", region=region)
    made["revision 2"] = changed("shop", revision="614")
    made["account 2"] = changed("shop", accountId="99")
    made["project 2"] = changed("shop", projectId="98")
    made["open ip"] = changed("shop", anonymizeIP=False)
    made["bots kept"] = changed("shop", botFiltering=False)
    made["bots unknown"] = changed("shop", botFiltering="(absent)")
    game = read("game")
    del game["localHoldouts"][0]["includedRules"]
    made["local holdout without rules"] = game
    game = read("game")
    game["holdouts"][1]["layerId"] = "a layer"
    made["holdout with a layer"] = game
    bank = read("bank")
    bank["experiments"].append(dict(bank["experiments"][0], key="of one id",
                                    layerId="2999"))
    made["experiments of one id"] = bank
    made["decisions sent"] = changed("shop", sendFlagDecisions=True)
    return made
