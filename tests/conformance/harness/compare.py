"""Compares what an official SDK sent for a case with what the library sent."""
import collections
import json
import re

import differences
import values
from differences import NOT_FOUND, OK, QUEUE_FULL, SKIPPED
from values import parse, parse_once, same

ENDPOINTS = {"US": "https://logx.optimizely.com/v1/events",
             "EU": "https://eu.logx.optimizely.com/v1/events"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                  r"[0-9a-f]{12}")
CLIENT = ["conformance", "1.2.3"]

# The order of the fields of each object on the wire.
ORDER = {
    "batch": "revision account_id client_version visitors project_id "
             "client_name anonymize_ip enrich_decisions region",
    "visitor": "attributes snapshots visitor_id",
    "attribute": "value key type entity_id",
    "snapshot": "decisions events",
    "decision": "variation_id campaign_id experiment_id metadata",
    "metadata": "flag_key rule_key rule_type variation_key enabled cmab_uuid",
    "event": "entity_id key timestamp uuid tags revenue value",
}
ORDER = {name: text.split() for name, text in ORDER.items()}

FIELDS = {name for names in ORDER.values() for name in names}


class Mismatch(Exception):
    pass


def require(holds, text, *details):
    if not holds:
        raise Mismatch(text % details if details else text)


def check_order(kind, fields):
    wanted = [name for name in ORDER[kind] if name in fields]
    require(list(fields) == wanted, "%s: fields are in the order %s", kind,
            list(fields))


def check_attributes(attributes, step):
    """The caller's order, and bot filtering last."""
    for attribute in attributes:
        check_order("attribute", attribute)
    keys = [attribute["key"] for attribute in attributes]
    given = [values.without_bad_bytes(pair[0]) for pair in
             values.last_of_each(step.get("attributes") or [])]
    require(keys and keys[-1] == differences.BOT, "bot filtering is not last")
    wanted = iter(given)
    require(all(any(key == other for other in wanted) for key in keys[:-1]),
            "attributes are in the order %s, given %s", keys, given)


def check_tags(event, step):
    """Sorted, and each double exactly as given. Returns how many."""
    tags = event.get("tags", {})
    keys = [name.encode("utf-8") for name in tags]
    count = 0
    if not values.has_bad_bytes(step):
        require(keys == sorted(keys), "tags are in the order %s", list(tags))
    for pair in values.last_of_each(
            (step.get("conversion") or {}).get("tags") or []):
        if pair[1] == "d" and not values.is_unsendable(pair):
            text = tags[values.without_bad_bytes(pair[0])].text
            require(values.double(pair[0], float(text))[2] == pair[2],
                    "the double %s is sent as %s", pair[2], text)
            count += 1
    return count


def endpoint_of(region):
    return ENDPOINTS.get(region.upper(), ENDPOINTS["US"])


class Identities:
    """Checks and hides uuids and times: given ones are kept."""

    def __init__(self, period):
        self.period, self.seen = period, set()

    def hide(self, event, step, is_uuid_settable=True, is_settable=True):
        uuid, time = event["uuid"], int(event["timestamp"].text)
        if step.get("uuid") is not None and is_uuid_settable:
            require(uuid == step["uuid"], "uuid %s is not as given", uuid)
        else:
            require(UUID.fullmatch(uuid), "uuid %s is not of version 4", uuid)
            require(uuid not in self.seen, "uuid %s comes twice", uuid)
            self.seen.add(uuid)
        if step.get("time") is not None and is_settable:
            require(time == int(step["time"]), "time %d is not as given", time)
        else:
            require(self.period[0] <= time <= self.period[1],
                    "time %d is not now", time)
        event["uuid"] = event["timestamp"] = "(checked)"


class Comparison:
    """Of one SDK with the library, over many cases."""

    def __init__(self, official, datafiles):
        self.official, self.datafiles = official, datafiles
        self.occurred = collections.Counter()
        self.doubles = self.events = 0

    def case(self, case, theirs, ours, period):
        """Raises Mismatch if they differ where nothing is listed."""
        expected, statuses = self.expected_events(case, theirs, period)
        groups = self.expected_batches(
            case, expected, len(expected) == sum(theirs["made"]) or
            bool(case.get("queue")))
        self.check_statuses(case, statuses, ours["steps"])
        bodies = self.first_bodies(case, ours)
        self.check_bodies(case, groups, bodies, period)
        self.check_reports(case, ours)
        self.check_callbacks(theirs, ours, bodies,
                             not self.is_regrouped)

    # What the SDK sent, with the listed differences applied.

    def event_steps(self, case):
        return [step for step in case["steps"] if "flush" not in step]

    def expected_events(self, case, theirs, period):
        """[(step, visitor, envelope)], and the library's statuses."""
        if self.official.name == "go":
            self.leave_repeats_out(case, theirs)
        # A retry is the same text; each batch counts once.
        firsts = {(batch["endpoint"], batch["body"]):
                  batch.get("unsendable", False)
                  for batch in theirs["batches"]}
        batches = [(endpoint, parse(body)) for endpoint, body in firsts]
        sent = [(visitor, (place, endpoint, body))
                for place, (endpoint, body) in enumerate(batches)
                for visitor in body["visitors"]]
        lost = {place for place, is_lost in enumerate(firsts.values())
                if is_lost}
        identities = Identities(period)
        spoiled = set()
        expected, statuses = [], []
        for step, made in zip(self.event_steps(case), theirs["made"]):
            datafile = self.datafiles[step["in"]]
            without = differences.status_without_event(step, datafile)
            if not made:
                statuses.append(NOT_FOUND if "impression" not in step
                                else SKIPPED)
            elif not sent:
                require(case.get("queue"), "an event of the SDK's is missing")
                statuses.append(QUEUE_FULL)
            elif without is not None:
                sent.pop(0)
                self.occurred[without[0]] += 1
                statuses.append(without[1])
            else:
                visitor, envelope = sent.pop(0)
                self.hide(identities, visitor, step)
                self.apply(step, datafile, visitor, envelope[0] in lost)
                if differences.carries_not_finite(step):
                    spoiled.add(envelope[0])
                expected.append((step, visitor, envelope))
                statuses.append(OK)
        require(not sent, "the SDK sent %d events more", len(sent))
        require(lost <= spoiled, "the SDK could not write a batch")
        return expected, statuses

    def leave_repeats_out(self, case, theirs):
        """Go makes a batch anew for each try, with a call for each."""
        made, calls, is_repeat = [], [], False
        answers = iter(case.get("answers") or [])
        for batch, call in zip(theirs["batches"], theirs["callbacks"]):
            if is_repeat:
                self.occurred["one-callback-each-batch"] += 1
                self.check_repeat(made[-1], batch)
            else:
                made.append(batch)
                calls.append(call)
            is_repeat = next(answers, "ok") != "ok"
        require(len(theirs["batches"]) == len(theirs["callbacks"]),
                "the SDK's calls are not one for each try")
        theirs["batches"], theirs["callbacks"] = made, calls

    def check_repeat(self, first, repeat):
        """The same but for the uuids of impressions, which are new."""
        bodies = parse(first["body"]), parse(repeat["body"])
        for snapshots in zip(*[[visitor["snapshots"][0]
                                for visitor in body["visitors"]]
                               for body in bodies]):
            if "decisions" not in snapshots[0]:
                continue
            uuids = [snapshot["events"][0].pop("uuid")
                     for snapshot in snapshots]
            require(uuids[0] != uuids[1],
                    "same-uuid-on-retry does not occur where it should")
            self.occurred["same-uuid-on-retry"] += 1
        require(same(*bodies), "the SDK's repeat differs from the first")

    def hide(self, identities, visitor, step):
        """Given identities are set in all but Node's events; Go has no use
        for an impression's uuid."""
        event = visitor["snapshots"][0]["events"][0]
        is_settable = self.official.name != "node"
        is_new = self.official.name == "go" and "impression" in step
        if is_new and step.get("uuid") is not None:
            require(event["uuid"] != step["uuid"],
                    "impression-uuid-kept does not occur where it should")
            self.occurred["impression-uuid-kept"] += 1
        identities.hide(event, step, is_settable and not is_new, is_settable)

    def apply(self, step, datafile, visitor, is_spoiled):
        sent = differences.Sent(self.official.name, step, datafile,
                                visitor, is_spoiled)
        for difference in differences.OF_EVENTS:
            if self.official.name not in difference.officials:
                continue
            due = difference.due(sent)
            if due is False:
                continue
            found = difference.apply(sent)
            require(found or due is None,
                    "%s does not occur where it should", difference.name)
            # What is the library's form by now is not the SDK's.
            require(not found or difference.name in differences.NEVER_SENT or
                    not difference.apply(sent),
                    "%s is not told from its absence", difference.name)
            self.occurred[difference.name] += bool(found)

    def expected_batches(self, case, expected, is_complete):
        """[(endpoint, body without visitors, [(step, visitor)])]"""
        groups = []
        for step, visitor, (place, endpoint, body) in expected:
            is_first = not groups or groups[-1][1] != place
            fields = self.envelope(case, step, endpoint, body, is_first)
            context = json.dumps(fields, default=str)
            groups.append((context, place, fields, (step, visitor)))
        contexts = {context for context, _, _, _ in groups}
        kinds = len({(group[0], self.bots(group[3][0])) for group in groups})
        self.is_regrouped = kinds > 1 or not is_complete
        if not self.is_regrouped:
            return self.batches_as_sent(groups)
        self.occurred["batches-by-context"] += kinds > 1
        size = case.get("batch") or 10
        return [part for context in sorted(contexts) for part in
                self.batches_of_size(size, [group for group in groups
                                            if group[0] == context])]

    def bots(self, step):
        return self.datafiles[step["in"]].get("botFiltering") or False

    def batches_as_sent(self, groups):
        made, last = [], None
        for _, place, fields, item in groups:
            if place != last:
                made.append((*fields, []))
            made[-1][2].append(item)
            last = place
        return made

    def batches_of_size(self, size, groups):
        return [(*groups[start][2], [group[3] for group in
                                     groups[start:start + size]])
                for start in range(0, len(groups), size)]

    def envelope(self, case, step, endpoint, body, is_first):
        """The endpoint and the fields of a batch, in the library's form."""
        datafile = self.datafiles[step["in"]]
        fields = {name: value for name, value in body.items()
                  if name != "visitors"}
        require("region" not in fields, "region-in-body does not occur")
        require([fields["client_name"], fields["client_version"]] ==
                self.official.client, "client-name does not occur")
        fields["client_name"], fields["client_version"] = CLIENT
        fields["region"] = datafile.get("region") or "US"
        fields["account_id"] = datafile["accountId"]
        fields["anonymize_ip"] = bool(datafile.get("anonymizeIP"))
        self.occurred["region-in-body"] += 1
        self.occurred["client-name"] += 1
        if case.get("endpoint") and self.official.name == "go":
            require(endpoint == case["endpoint"], "the SDK sends to %s",
                    endpoint)
            return endpoint, fields
        if is_first:
            self.check_endpoint(fields["region"], endpoint)
        if case.get("endpoint"):
            self.occurred["configured-endpoint"] += 1
            return case["endpoint"], fields
        return endpoint_of(fields["region"]), fields

    def check_endpoint(self, region, endpoint):
        """The SDK sends where the library does, but for one thing."""
        wanted = endpoint_of(region)
        if self.official.name == "go":
            self.occurred["endpoint-of-region"] += wanted != ENDPOINTS["US"]
            wanted = ENDPOINTS["US"]
        if self.official.name == "node" and region != "EU" and \
                wanted == ENDPOINTS["EU"]:
            wanted = ENDPOINTS["US"]
            self.occurred["region-in-any-case"] += 1
        require(endpoint == wanted, "the SDK sends to %s", endpoint)

    # What the library sent.

    def check_statuses(self, case, expected, found):
        flushes = [status for step, status in zip(case["steps"], found)
                   if "flush" in step]
        found = [status for step, status in zip(case["steps"], found)
                 if "flush" not in step]
        require(set(flushes) <= {OK}, "flushes returned %s", flushes)
        require(expected == found, "statuses are %s, expected %s", found,
                expected)

    def first_bodies(self, case, ours):
        """The batches in the order of their first attempts."""
        refused = set()
        bodies, answers = [], list(case.get("answers") or [])
        last, last_answer = None, "ok"
        for place, attempt in enumerate(ours["attempts"]):
            answer = answers[place] if place < len(answers) else "ok"
            body = attempt["body"]
            if body == last:
                require(last_answer in ("fail", "error"),
                        "a batch is sent again after %s", last_answer)
                self.occurred["retried-until-delivered"] += \
                    self.official.name != "go"
            else:
                require(last_answer in ("ok", "refuse"),
                        "another batch is sent after %s", last_answer)
                uuids = set(self.uuids_of(body))
                if uuids < refused:
                    self.occurred["refused-batch-is-split"] += 1
                else:
                    bodies.append((attempt["endpoint"], body))
                    refused = set()
            if answer == "refuse":
                refused |= set(self.uuids_of(body))
            last, last_answer = body, answer
        return bodies

    def uuids_of(self, body):
        return [visitor["snapshots"][0]["events"][0]["uuid"]
                for visitor in json.loads(body)["visitors"]]

    def check_bodies(self, case, groups, bodies, period):
        require(len(groups) == len(bodies), "%d batches, expected %d of %s",
                len(bodies), len(groups),
                [len(visitors) for _, _, visitors in groups])
        identities = Identities(period)
        parsed = [(to, parse_once(text, FIELDS)) for to, text in bodies]
        # Contexts do not wait for each other; each has its own order.
        for (endpoint, fields, visitors), (to, body) in zip(
                groups, self.in_order_of(groups, parsed)):
            require(to == endpoint, "sent to %s, expected %s", to, endpoint)
            check_order("batch", body)
            found = body.pop("visitors")
            self.check_same(fields, body)
            require(len(found) == len(visitors),
                    "%d events in a batch, expected %d", len(found),
                    len(visitors))
            for (step, visitor), mine in zip(visitors, found):
                self.check_visitor(step, visitor, mine, identities)

    def in_order_of(self, groups, parsed):
        """The library's batches, in the order of contexts of `groups`."""
        if len(groups) < 2 or all(same(list(group[:2]), list(groups[0][:2]))
                                  for group in groups):
            return parsed
        left, made = list(parsed), []
        for endpoint, fields, visitors in groups:
            found = next((item for item in left if item[0] == endpoint and
                          same(fields, {name: value for name, value in
                                        item[1].items()
                                        if name != "visitors"}) and
                          len(item[1]["visitors"]) == len(visitors) and
                          item[1]["visitors"][0]["visitor_id"] ==
                          visitors[0][1]["visitor_id"]), left[0])
            left.remove(found)
            made.append(found)
        return made

    def check_same(self, expected, found):
        text = values.first_difference(expected, found,
                                       self.official.is_exact)
        require(text is None, "%s", text)

    def check_visitor(self, step, expected, found, identities):
        check_order("visitor", found)
        snapshot, = found["snapshots"]
        check_order("snapshot", snapshot)
        event, = snapshot["events"]
        check_order("event", event)
        for decision in snapshot.get("decisions", []):
            check_order("decision", decision)
            check_order("metadata", decision["metadata"])
        identities.hide(event, step)
        check_attributes(found["attributes"], step)
        self.doubles += check_tags(event, step)
        self.events += 1
        for visitor in expected, found:
            visitor["attributes"].sort(key=lambda item: item["key"])
        self.check_same(expected, found)

    def check_reports(self, case, ours):
        """Each accepted event ends once; refused ones by that name."""
        accepted = sum(status == OK and "flush" not in step for step, status
                       in zip(case["steps"], ours["steps"]))
        ended = [uuid for report in ours["reports"]
                 for uuid in report["uuids"]]
        reasons = {report["reason"] for report in ours["reports"]}
        require(len(ended) == len(set(ended)) == accepted,
                "%d events ended, %d were accepted", len(ended), accepted)
        allowed = {0, 2} if "refuse" in (case.get("answers") or []) else {0}
        require(reasons <= allowed, "events ended for reasons %s", reasons)
        require(ours["closed"] == 0, "close returned %d", ours["closed"])

    def check_callbacks(self, theirs, ours, bodies, is_alike):
        """One call for each batch, in order, not for its retries."""
        if is_alike:
            require(list(map(len, theirs["callbacks"])) ==
                    list(map(len, ours["callbacks"])),
                    "callbacks for %s, expected %s", ours["callbacks"],
                    theirs["callbacks"])
        sent = [self.uuids_of(body) for _, body in bodies]
        require(ours["callbacks"] == sent, "callbacks for %s, batches are %s",
                ours["callbacks"], sent)
