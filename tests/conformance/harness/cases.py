"""The written cases, from tables: one for each rule and edge."""
import math

import datafiles
from values import as_json, bits, boolean, double, integer, null, string

UUIDS = "0f0e0d0c-0b0a-4908-8706-0504030201%02x"
BAD = "\udcff"  # the byte FF, which is not UTF-8

TEXTS = {
    "empty": "", "space": " ", "ascii": "plain text", "quotes": "a\"b'c`d",
    "backslash": "a\\b\\\\c\\u0041", "slash": "a/b</script>",
    "markup": "<b>&amp;</b>", "newlines": "a\r\nb\tc", "bell": "a\x07b",
    "control": "".join(map(chr, range(1, 32))), "delete": "a\x7fb",
    "latin": "Größe café", "greek": "Ελληνικά", "chinese": "中文字符",
    "arabic": "\u0645\u0631\u062d\u0628\u0627", "combining": "e\u0301",
    "emoji": "\U0001f600\U0001f469\u200d\U0001f4bb", "separators":
    "a\u2028b\u2029c", "byte order mark": "\ufeffa", "noncharacter":
    "\ufffe\uffff", "last code point": "\U0010ffff", "replacement": "\ufffd",
    "c1": "\x80\x9f", "digits": "12345", "json": "{\"a\":[1,2]}",
    "null word": "null", "bad byte": "a" + BAD + "b", "bad start": BAD + "a",
    "cut short": "a\udce2\udc82", "overlong": "\udcc0\udcaf",
    "surrogate bytes": "\udced\udca0\udc80", "all bad":
    "\udc80\udcbf\udcc1\udcf5\udcfe\udcff", "long": "x" * 4000,
}

NUMBERS = {
    "zero": integer("", 0), "one": integer("", 1), "minus": integer("", -42),
    "2^53-1": integer("", 2 ** 53 - 1), "2^53": integer("", 2 ** 53),
    "2^53+1": integer("", 2 ** 53 + 1), "2^53+2": integer("", 2 ** 53 + 2),
    "-2^53": integer("", -2 ** 53), "-2^53-1": integer("", -2 ** 53 - 1),
    "-2^53-2": integer("", -2 ** 53 - 2),
    "int64 max": integer("", 2 ** 63 - 1), "int64 min": integer("", -2 ** 63),
    "0.0": double("", 0.0), "-0.0": double("", -0.0), "1.5": double("", 1.5),
    "0.1": double("", 0.1), "0.1+0.2": double("", 0.1 + 0.2),
    "-2.9": double("", -2.9), "0.999": double("", 0.999),
    "9.995": double("", 9.995), "99.99": double("", 99.99),
    "1e21": double("", 1e21), "1e22": double("", 1e22),
    "123456789012345680": double("", 123456789012345680.0),
    "1e-7": double("", 1e-7), "5e-324": double("", 5e-324),
    "smallest normal": double("", 2.2250738585072014e-308),
    "largest": double("", 1.7976931348623157e308),
    "d 2^53": double("", 2.0 ** 53), "d -2^53": double("", -2.0 ** 53),
    "d above 2^53": double("", math.nextafter(2.0 ** 53, math.inf)),
    "d below 2^53": double("", math.nextafter(2.0 ** 53, 0)),
    "d 2^62": double("", 2.0 ** 62), "d 2^63": double("", 2.0 ** 63),
    "d -2^63": double("", -2.0 ** 63),
    "d below 2^63": double("", math.nextafter(2.0 ** 63, 0)),
    "d beyond -2^63": double("", math.nextafter(-2.0 ** 63, -math.inf)),
    "d 2^64": double("", 2.0 ** 64), "nan": double("", math.nan),
    "infinity": double("", math.inf), "-infinity": double("", -math.inf),
    "negative nan": bits("", 0xfff8000000000001),
}

OTHERS = {
    "null": null(""), "true": boolean("", True), "false": boolean("", False),
    "text": string("", "ios"), "no text": string("", ""),
    "integer text": string("", "1200"), "decimal text": string("", "19.99"),
    "padded text": string("", " 7 "), "exponent text": string("", "1e3"),
    "hex text": string("", "0x1F"), "comma text": string("", "1,234"),
    "nan text": string("", "NaN"), "infinity text": string("", "Infinity"),
    "sign text": string("", "-5"), "point text": string("", ".5"),
    "underscore text": string("", "1_000"), "trailing text":
    string("", "12 EUR"), "array": as_json("", "[1,\"a\",null]"),
    "empty array": as_json("", "[]"), "number in array": as_json("", "[5]"),
    "object": as_json("", "{\"a\":{\"b\":[true,1.5]},\"ü\":\"\\u2028\"}"),
    "empty object": as_json("", "{}"), "spaced object":
    as_json("", " { \"a\" : [ 1 , 2 ] } "), "name twice":
    as_json("", "{\"a\":1,\"a\":2}"), "nulls inside":
    as_json("", "{\"revenue\":null,\"x\":[{\"tags\":null,\"y\":null}]}"),
    "exact integers": as_json("", "[9007199254740993,-9223372036854775808]"),
    "numbers inside": as_json("", "[1e2,1.0,0.1,5e-324,1E+2]"),
    "escapes": as_json("", "{\"\\u00e9\\n\":\"\\ud83d\\ude00\\/\"}"),
    "32 deep": as_json("", "[" * 32 + "]" * 32), "33 deep":
    as_json("", "[" * 33 + "]" * 33), "cut short": as_json("", "{\"a\":1"),
    "trailing comma": as_json("", "[1,]"), "single quotes":
    as_json("", "{'a':1}"), "text after": as_json("", "[1]x"), "nan inside":
    as_json("", "[NaN]"), "leading zero": as_json("", "[01]"),
    "no json": as_json("", ""),
}

RULE_TYPES = ["", "experiment", "feature-test", "rollout", "holdout",
              "ROLLOUT", " rollout", "rollouts", "größe"]


def keyed(key, pair):
    return [key] + pair[1:]


def conversion(key="purchase", tags=None, **more):
    step = {"in": "shop", "user": "visitor-1",
            "conversion": {"key": key, "tags": tags}}
    step.update(more)
    return step


def impression(experiment="fees_page", variation="calculator", **more):
    """A decision as a host makes it, for the builder."""
    wanted = {"experiment": experiment, "variation": variation,
              "flag_key": "fees", "rule_key": "rule", "rule_type":
              "feature-test", "enabled": True, "cmab_uuid": None}
    step = {"in": "bank", "user": "visitor-1"}
    for name, value in more.items():
        (wanted if name in wanted else step)[name] = value
    step["impression"] = wanted
    return step


def decision(datafile, flag_key, forced, rule_type, enabled, **more):
    """A decision that a client is brought to by forcing it.

    `forced` is (rule key, variation key), or None where nothing is forced and
    the visitor gets no variation.
    """
    experiment, variation = forced or (None, None)
    step = impression(experiment, variation, flag_key=flag_key,
                      rule_key=experiment or "", rule_type=rule_type,
                      enabled=enabled, **more)
    step["in"] = datafile
    step["decide"] = {"flag": flag_key, "forced": [forced] if forced else []}
    return step


def case(name, *steps, **options):
    made = {"case": name, "steps": list(steps)}
    made.update(options)
    return made


def of_ids():
    """Campaign, entity and variation ids, through the SDKs' clients."""
    odd = datafiles.odd()
    for place, layer in enumerate(datafiles.LAYER_IDS):
        yield case("layer id %r" % layer[:30], *[
            decision("odd", "f%d" % place, ("e%d" % place, item["key"]),
                     "feature-test", item["featureEnabled"])
            for item in odd["experiments"][place]["variations"][:3]])
    for number, identity in enumerate(datafiles.VARIATION_IDS):
        yield case("variation id %r" % identity, decision(
            "odd", "f4", ("e4", "v%d" % number), "feature-test",
            number % 2 == 0))
    last = len(datafiles.LAYER_IDS)
    yield case("no ids at all", impression(
        "nameless", None, **{"in": "odd"}, rule_type="experiment"))
    yield case("no experiment id", decision(
        "odd", "f%d" % last, ("nameless", "v0"), "feature-test", True))


def of_decisions():
    """When an impression is due; rule types, flags, holdouts."""
    for rule_type in RULE_TYPES:
        for datafile, experiment, variation in (
                ("bank", "fees_page", "table"), ("bank", "fees_page", None),
                ("bank", None, None), ("media", "player_ab", "rewrite"),
                ("media", "player_ab", None), ("media", None, None)):
            yield case("due: %r in %s, %s, %s" % (
                rule_type, datafile, experiment, variation), impression(
                    experiment, variation, rule_type=rule_type,
                    **{"in": datafile}))
    clients = {
        "experiment in a group": ("bank", "loan_form", ("loan_form_short",
                                                        "long")),
        "experiment": ("bank", "fees_page", ("fees_page", "video")),
        "experiment, decisions sent": ("media", "player", ("player_ab",
                                                           "legacy")),
        "shop": ("shop", "checkout_button", ("checkout_button_colour",
                                             "green")),
        "bandit, forced": ("game", "offer", ("offer_bandit", "small")),
    }
    for name, (datafile, flag_key, forced) in clients.items():
        enabled = forced[1] not in ("legacy",)
        yield case("client: " + name, decision(
            datafile, flag_key, forced, "feature-test", enabled))
    rollouts = {
        "delivery, not due": ("shop", "returns_portal",
                              ("returns_portal_everyone", "on"), True),
        "delivery": ("media", "autoplay", ("autoplay_premium", "on"), True),
        "delivery in a game": ("game", "events_tab", ("events_tab_all", "on"),
                               True),
        "nothing, not due": ("shop", "search_rank", None, False),
        "nothing": ("media", "downloads", None, False),
    }
    for name, (datafile, flag_key, forced, enabled) in rollouts.items():
        yield case("client: " + name, decision(
            datafile, flag_key, forced, "rollout", enabled))
    held = decision("game_held_out", "shop", ("holdout_q3", "off"), "holdout",
                    False)
    held["decide"]["forced"] = []
    yield case("client: held out", held)
    for key, variation in (("holdout_q3", "off"), ("holdout_numeric",
                                                   "ho_off"),
                           ("holdout_shop_only", "off")):
        yield case("holdout " + key, impression(
            key, variation, rule_type="holdout", **{"in": "game"}))
    yield case("holdout with a layer", impression(
        "holdout_numeric", "ho_off", rule_type="holdout",
        **{"in": "holdout with a layer"}))


def of_metadata():
    for enabled in (True, False):
        for cmab in (None, "", "3c1f3c5e-7f6b-4f6e-9a42-0a6b3a1f9d10", "größe",
                     "\"", "x" * 4096):
            yield case("enabled %s, cmab uuid %r" % (
                enabled, cmab if cmab is None else cmab[:20]), impression(
                    enabled=enabled, cmab_uuid=cmab))
    for name, text in TEXTS.items():
        yield case("flag key: " + name, impression(
            flag_key=text, rule_key=text, rule_type=text))


def of_attributes():
    for name, pair in {**NUMBERS, **OTHERS}.items():
        yield case("attribute: " + name, conversion(
            "add_to_cart", attributes=[keyed("device", pair)]))
    for name, text in TEXTS.items():
        yield case("attribute text: " + name, conversion(
            "add_to_cart", attributes=[string("device", text)]))
    for name, key in {
            "unknown": "nope", "case": "Device", "space": "device ",
            "unicode": "größe", "with a space": "utm source", "empty": "",
            "reserved": "$opt_custom", "reserved prefix": "$opt_",
            "almost reserved": "$op", "reserved in capitals": "$OPT_X",
            "reserved, known": "$opt_user_agent", "bad byte": "device" + BAD,
            "reserved bad byte": "$opt_" + BAD}.items():
        yield case("attribute key: " + name, conversion(
            "add_to_cart", attributes=[string(key, "x"), integer("orders",
                                                                 3)]))
    for name in ("nothing", "$opt_nothing", "", "twice", "$opt_known"):
        yield case("attribute of a bare datafile: %r" % name, conversion(
            "twice", attributes=[boolean(name, True)], **{"in": "bare"}))
    yield case("the last of one key", conversion(
        "add_to_cart", attributes=[
            string("device", "first"), integer("orders", 1),
            string("device", "last"), double("orders", 2.5)]))
    yield case("the last of one key is not valid", conversion(
        "add_to_cart", attributes=[string("device", "first"),
                                   null("device")]))
    yield case("thirty-three attributes", conversion(
        "add_to_cart", attributes=[integer("$opt_%d" % number, number)
                                   for number in range(33)]))
    yield case("a thousand attributes", conversion(
        "add_to_cart", attributes=[integer("$opt_%d" % number, number)
                                   for number in range(1000)]))


def of_bots():
    for datafile in ("shop", "bots kept", "bots unknown", "bare"):
        for name, pair in (("nothing", None), ("true", boolean("", True)),
                           ("false", boolean("", False)), ("text",
                                                           string("", "on")),
                           ("null", null(""))):
            attributes = [keyed("$opt_bot_filtering", pair)] if pair else []
            yield case("bots: %s of a user in %s" % (name, datafile),
                       conversion("twice" if datafile == "bare"
                                  else "purchase",
                                  attributes=attributes + [
                                      string("device", "ios")],
                                  **{"in": datafile}))

def of_tags():
    for name, pair in {**NUMBERS, **OTHERS}.items():
        for key in ("tag", "revenue", "value"):
            yield case("%s: %s" % (key, name), conversion(
                tags=[keyed(key, pair), integer("orders", 3)]))
    for name, text in TEXTS.items():
        yield case("tag text: " + name, conversion(
            tags=[string("t", text), string(text, "key")]))
    for name, tags in {
            "none": None, "empty": [], "one left out":
            [double("a", math.nan)], "broken alone": [as_json("a", "{")],
            "case": [integer("Revenue", 1), double("VALUE", 2.0)],
            "both": [integer("revenue", 4200), double("value", 13.37)],
            "both as integers": [integer("value", -3), integer("revenue", 0)],
            "null": [null("value"), null("revenue"), null("tags"),
                     null("decisions"), null("x")],
            "the last of one key": [integer("revenue", 1),
                                    integer("revenue", 2)],
            "the last of one key is not valid": [integer("value", 1),
                                                 string("value", "x")],
            "sorting": [integer(key, 1) for key in (
                "b", "a", "B", "A", "ab", "aB", "", "é", "z", "\U0001f600",
                "\uffff", "0", "10", "9", "_")],
            "long names in common": [integer("x" * 40 + key, 1)
                                     for key in "cab"],
            "fifty": [double("t%02d" % number, number / 7)
                      for number in range(50)],
            "a thousand": [integer("t%03d" % number, number)
                           for number in range(1000)]}.items():
        yield case("tags: " + name, conversion(tags=tags))


def of_identity():
    for place, time in enumerate(("1", "1700000000000", "253402300799999")):
        uuid = UUIDS % place
        yield case("given identity %d" % place,
                   conversion(uuid=uuid, time=time),
                   impression(uuid=UUIDS % (place + 16), time=time))
    yield case("given uuid in capitals", conversion(
        uuid="0F0E0D0C-0B0A-4908-8706-0504030201FF"))
    yield case("given uuid of version 1", conversion(
        uuid="c232ab00-9414-11ec-b3c8-9f6bdeced846"))
    for name, text in TEXTS.items():
        yield case("visitor: " + name, conversion(user=text),
                   impression(user=text))


def of_events():
    for key in ("purchase", "add_to_cart", "sign up", "nope", "Purchase",
                "Besuch: Größentabelle"):
        yield case("event " + key, conversion(key))
    for datafile, key in (("bare", "nothing"), ("bare", "twice"),
                          ("legacy", "Total Revenue"), ("media", "play"),
                          ("bank", "loan_application"), ("game", "iap")):
        yield case("event %s of %s" % (key, datafile), conversion(
            key, **{"in": datafile}))


def of_contexts():
    regions = [name for name in datafiles.written()
               if name.startswith("region ")]
    for name in regions:
        yield case(name, conversion(**{"in": name}))
    for other in ("revision 2", "account 2", "project 2", "open ip",
                  "bots kept", "region EU", "region US", "decisions sent"):
        for order in ("ab", "aab", "aba", "abba", "aaabbb"):
            yield case("contexts %s with %s" % (order, other), *[
                conversion(uuid=UUIDS % place,
                           **{"in": "shop" if letter == "a" else other})
                for place, letter in enumerate(order)], batch=4)
    yield case("configured endpoint", conversion(),
               endpoint="https://events.example.com/v1/events")


def of_batches():
    for count in (0, 1, 2, 9, 10, 11, 25, 50):
        for batch in (0, 1, 7, 50):
            yield case("%d events, batch %d" % (count, batch), *[
                conversion("purchase" if place % 2 else "add_to_cart",
                           user="v%d" % place, tags=[integer("revenue",
                                                             place)])
                for place in range(count)], batch=batch)
    for order in ("ifi", "iiific", "fi", "iif", "iffi"):
        yield case("flushes " + order, *[
            {"flush": True} if letter == "f" else
            conversion(user="v%d" % place) for place, letter in
            enumerate(order)], batch=3)
    for capacity, count in ((1, 3), (10, 10), (10, 11), (10, 25), (30, 50)):
        yield case("queue of %d, %d events" % (capacity, count), *[
            conversion(user="v%d" % place) for place in range(count)],
            queue=capacity, batch=min(capacity, 10))
    yield case("mixed kinds", *[
        conversion(user="c%d" % place) if place % 3 else
        decision("shop", "checkout_button", ("checkout_button_colour",
                                             "orange"), "feature-test", True,
                 user="i%d" % place) for place in range(12)])


def of_limits():
    for name, step in {
            "visitor id of 4096": conversion(user="v" * 4096),
            "visitor id of 4097": conversion(user="v" * 4097),
            "attribute of 65536": conversion(
                attributes=[string("device", "x" * 65536)]),
            "attribute of 65537": conversion(
                attributes=[string("device", "x" * 65537)]),
            "tag of 65537": conversion(tags=[string("t", "x" * 65537)]),
            "tag key of 4097": conversion(tags=[integer("k" * 4097, 1)]),
            "flag key of 4097": impression(flag_key="f" * 4097),
            "1001 attributes": conversion(attributes=[
                integer("$opt_%d" % number, 1) for number in range(1001)]),
            "1001 tags": conversion(tags=[integer("t%d" % number, 1)
                                          for number in range(1001)]),
            "1 MiB": conversion(tags=[string("t%d" % number, "x" * 65000)
                                      for number in range(17)])}.items():
        yield case("limit: " + name, step, conversion())


def behaviours():
    """Scripts of answers: ok, fail (try again), refuse, error."""
    def events(count):
        return [conversion(user="v%d" % place, uuid=UUIDS % place)
                for place in range(count)]

    scripts = ["ok", "fail ok", "fail fail ok", "ok fail ok",
               "fail ok fail ok", "ok ok fail", "error ok", "error fail ok",
               "fail fail fail fail fail ok", "ok error ok fail ok"]
    for script in scripts:
        for count, batch in ((1, 1), (4, 2), (6, 2), (12, 4), (30, 10)):
            yield case("answers %s, %d in batches of %d" % (
                script, count, batch), *events(count), batch=batch,
                answers=script.split())
    for script in ("refuse", "ok refuse", "refuse refuse", "refuse fail ok",
                   "fail refuse ok"):
        yield case("answers %s, one by one" % script, *events(4), batch=1,
                   answers=script.split())
        yield case("answers %s, by four" % script, *events(8), batch=4,
                   answers=script.split())
    for script in ("fail ok", "fail fail ok fail ok", "refuse"):
        yield case("answers %s, of both kinds" % script, *[
            step for place in range(3) for step in (
                conversion(user="c%d" % place),
                impression(user="i%d" % place, **{"in": "shop"},
                           experiment="checkout_button_colour",
                           variation="green"))],
            batch=3, answers=script.split())
    for script in ("fail ok", "ok fail", "fail fail ok ok fail"):
        yield case("answers %s with flushes" % script, *[
            step for event in events(5) for step in (event, {"flush": True})],
            batch=3, answers=script.split())


def written():
    made = [item for group in (
        of_ids, of_decisions, of_metadata, of_attributes, of_bots, of_tags,
        of_identity, of_events, of_contexts, of_batches, of_limits,
        behaviours) for item in group()]
    names = [item["case"] for item in made]
    assert len(names) == len(set(names)), "a case's name comes twice"
    return made
