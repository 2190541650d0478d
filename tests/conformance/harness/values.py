"""The values that cases are made of, and numbers read back exactly.

A value is a list [key, kind, text]; the kinds are n (null), b, i, d, s and j
(JSON text). A double's text is the hexadecimal form of its bits. Bytes that
are not UTF-8 stand in Python strings as lone surrogates U+DC80..U+DCFF
(PEP 383), and as themselves in the lines for the library.
"""
import json
import math
import re
import struct

TWO_53 = 2 ** 53
INT64_MIN, INT64_MAX = -2 ** 63, 2 ** 63 - 1
MOST_JSON_DEPTH = 32


def null(key):
    return [key, "n", ""]


def boolean(key, value):
    return [key, "b", "true" if value else "false"]


def integer(key, value):
    return [key, "i", str(value)]


def double(key, value):
    return [key, "d", struct.pack(">d", value).hex()]


def bits(key, number):
    return [key, "d", "%016x" % number]


def string(key, value):
    return [key, "s", value]


def as_json(key, text):
    return [key, "j", text]


def double_of(pair):
    return struct.unpack(">d", bytes.fromhex(pair[2]))[0]


def is_negative_zero(pair):
    return pair[1] == "d" and pair[2] == "8000000000000000"


def last_of_each(pairs):
    """The pairs that count: of several with one key the last."""
    last = {pair[0]: place for place, pair in enumerate(pairs)}
    return [pair for place, pair in enumerate(pairs) if last[pair[0]] == place]


def find(pairs, key):
    return next((pair for pair in reversed(pairs) if pair[0] == key), None)


class Number:
    """A number as it stands in JSON."""
    __slots__ = ("text",)

    def __init__(self, text):
        self.text = str(text)

    def __repr__(self):
        return self.text

    def is_integer(self):
        return re.fullmatch(r"-?[0-9]+", self.text) and self.text != "-0"

    def equals(self, other, exact):
        """Whether both mean one number; as integers where `exact`."""
        if exact and self.is_integer() and other.is_integer():
            return int(self.text) == int(other.text)
        return (struct.pack(">d", float(self.text)) ==
                struct.pack(">d", float(other.text)))


class Unsendable:
    """NaN or an infinity, where an SDK writes it into its JSON."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


def parse(text):
    return json.loads(text, parse_int=Number, parse_float=Number,
                      parse_constant=Unsendable)


def parse_once(text, fields):
    """Parses what the library wrote: no field, nor a tag of such a name, may
    come twice. (A host's own JSON in a tag goes along as it is.)"""
    def check(pairs):
        names = [name for name, _ in pairs if name in fields]
        if len(set(names)) != len(names):
            raise ValueError("a name comes twice: %s" % names)
        return dict(pairs)

    def refuse(text):
        raise ValueError("not JSON: %s" % text)

    return json.loads(text, parse_int=Number, parse_float=Number,
                      parse_constant=refuse, object_pairs_hook=check)


def same(a, b, exact=True):
    if isinstance(a, Number) and isinstance(b, Number):
        return a.equals(b, exact)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(
            same(a[name], b[name], exact) for name in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(
            same(x, y, exact) for x, y in zip(a, b))
    return type(a) is type(b) and a == b


def first_difference(a, b, exact=True, path=""):
    """Where two values part, as text; None if they do not."""
    if same(a, b, exact):
        return None
    if isinstance(a, dict) and isinstance(b, dict):
        for name in list(a) + [name for name in b if name not in a]:
            if name not in a or name not in b:
                return "%s.%s: expected %r, sent %r" % (
                    path, name, a.get(name, "(nothing)"),
                    b.get(name, "(nothing)"))
            found = first_difference(a[name], b[name], exact,
                                     "%s.%s" % (path, name))
            if found:
                return found
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for place, (x, y) in enumerate(zip(a, b)):
            found = first_difference(x, y, exact, "%s[%d]" % (path, place))
            if found:
                return found
    return "%s: expected %.300r, sent %.300r" % (path, a, b)


def depth_of(value):
    if isinstance(value, (dict, list)):
        inside = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth_of, inside), default=0)
    return 0


def json_of(pair):
    """The parsed text of a j value; ValueError if it is broken."""
    def refuse(text):
        raise ValueError(text)
    return json.loads(pair[2], parse_constant=refuse)


def is_broken_json(pair):
    if pair[1] != "j":
        return False
    try:
        json_of(pair)
    except ValueError:
        return True
    return False


def is_unsendable(pair):
    """What JSON cannot carry, or the library does not."""
    if pair[1] == "d":
        return not math.isfinite(double_of(pair))
    if pair[1] == "j":
        return is_broken_json(pair) or depth_of(json_of(pair)) > \
            MOST_JSON_DEPTH
    return False


def without_bad_bytes(value):
    """A case as an SDK gets it: each byte that is not UTF-8 is U+FFFD."""
    if isinstance(value, str):
        return re.sub("[\udc80-\udcff]", "\ufffd", value)
    if isinstance(value, list):
        return [without_bad_bytes(item) for item in value]
    if isinstance(value, dict):
        return {name: without_bad_bytes(item) for name, item in value.items()}
    return value


def has_bad_bytes(value):
    return value != without_bad_bytes(value)
