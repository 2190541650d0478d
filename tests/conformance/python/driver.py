"""Runs conformance cases through the official Python SDK.

Reads the JSON lines of ../README.md from standard input and answers each
case and each look-up with one line. Events are made by the SDK's client
(track, decide) or, for a decision that no client can be brought to, by its
event factory; its batch processor sends them to a dispatcher that records.
"""
import json
import struct
import sys

from optimizely import exceptions, logger, notification_center, optimizely
from optimizely import project_config, version
from optimizely.error_handler import NoOpErrorHandler
from optimizely.event import event_factory, event_processor, user_event
from optimizely.helpers import enums, validator
from optimizely.helpers.sdk_settings import OptimizelySdkSettings
from optimizely.optimizely_user_context import OptimizelyUserContext

sys.stdout.reconfigure(encoding="utf-8", errors="surrogatepass")
sys.stdin.reconfigure(encoding="utf-8")


class Collector(event_processor.BaseEventProcessor):
    """Takes what a client makes, for the processor of the case."""

    def __init__(self):
        self.events = []

    def process(self, made):
        self.events.append(made)


class Project:
    """A client of one datafile."""

    def __init__(self, text):
        self.collector = Collector()
        self.config = project_config.ProjectConfig(
            text, logger.NoOpLogger(), NoOpErrorHandler)
        self.client = optimizely.Optimizely(
            text, event_processor=self.collector, skip_json_validation=True,
            settings=OptimizelySdkSettings(odp_disabled=True))


class Dispatcher:
    """Records each request; fails where the script says so."""

    def __init__(self, answers):
        self.answers = list(answers)
        self.batches = []

    def dispatch_event(self, log_event):
        answer = self.answers.pop(0) if self.answers else "ok"
        self.batches.append({"endpoint": log_event.url,
                             "body": json.dumps(log_event.params)})
        if answer != "ok":
            raise RuntimeError(answer)


def value_of(kind, text):
    if kind == "n":
        return None
    if kind == "b":
        return text == "true"
    if kind == "i":
        return int(text)
    if kind == "d":
        return struct.unpack(">d", bytes.fromhex(text))[0]
    return json.loads(text) if kind == "j" else text


def mapping_of(pairs):
    if pairs is None:
        return None
    return {key: value_of(kind, text) for key, kind, text in pairs}


def decide(project, step, attributes):
    wanted = step["decide"]
    context = project.client.create_user_context(step["user"], attributes)
    for rule, variation in wanted["forced"]:
        context.set_forced_decision(
            OptimizelyUserContext.OptimizelyDecisionContext(
                wanted["flag"], rule),
            OptimizelyUserContext.OptimizelyForcedDecision(variation))
    context.decide(wanted["flag"])


def find_entities(config, wanted):
    """The experiment or holdout, and the variation, of a decision."""
    key, variation_key = wanted.get("experiment"), wanted.get("variation")
    experiment = variation = None
    if key is not None:
        experiment = config.experiment_key_map.get(key) or next(
            holdout for holdout in config.holdouts if holdout.key == key)
    if variation_key is not None:
        variation = config.variation_key_map[key][variation_key]
    return experiment, variation


def make_impression(project, step, attributes):
    config, wanted = project.config, step["impression"]
    experiment, variation = find_entities(config, wanted)
    project.collector.process(user_event.ImpressionEvent(
        user_event.EventContext(config.account_id, config.project_id,
                                config.revision, config.anonymize_ip,
                                config.region),
        step["user"], experiment,
        event_factory.EventFactory.build_attribute_list(attributes, config),
        variation, wanted["flag_key"], wanted["rule_key"],
        wanted["rule_type"], wanted["enabled"],
        config.get_bot_filtering_value(), wanted.get("cmab_uuid")))


def make_event(project, step):
    """The event of a step, or None if the SDK makes none."""
    attributes = mapping_of(step.get("attributes"))
    project.collector.events = []
    if "decide" in step:
        decide(project, step, attributes)
    elif "impression" in step:
        make_impression(project, step, attributes)
    else:
        project.client.track(step["conversion"]["key"], step["user"],
                             attributes,
                             mapping_of(step["conversion"].get("tags")))
    if not project.collector.events:
        return None
    made, = project.collector.events
    if step.get("uuid") is not None:
        made.uuid = step["uuid"]
    if step.get("time") is not None:
        made.timestamp = int(step["time"])
    return made


def uuids_of(log_event):
    return [snapshot["events"][0]["uuid"]
            for visitor in log_event.params["visitors"]
            for snapshot in visitor["snapshots"]]


def make_processor(line, dispatcher, callbacks):
    center = notification_center.NotificationCenter(logger.NoOpLogger())
    center.add_notification_listener(
        enums.NotificationTypes.LOG_EVENT,
        lambda log_event: callbacks.append(uuids_of(log_event)))
    capacity = line.get("queue") or len(line["steps"]) + 2
    return event_processor.BatchEventProcessor(
        dispatcher, event_queue=event_processor.queue.Queue(capacity),
        batch_size=line.get("batch") or None, flush_interval=3600,
        timeout_interval=60, notification_center=center)


def run_case(projects, line):
    callbacks, made = [], []
    dispatcher = Dispatcher(line.get("answers", []))
    processor = make_processor(line, dispatcher, callbacks)
    for step in line["steps"]:
        if "flush" in step:
            processor.flush()
            continue
        event = make_event(projects(step["in"]), step)
        made.append(event is not None)
        if event is not None:
            processor.process(event)
    processor.start()
    processor.stop()
    return {"made": made, "batches": dispatcher.batches,
            "callbacks": callbacks}


def look_up(text, line):
    if not validator.is_datafile_valid(text):
        return {"accepted": False, "by": "schema"}
    try:
        config = project_config.ProjectConfig(
            text, logger.NoOpLogger(), NoOpErrorHandler)
    except (exceptions.UnsupportedDatafileVersionException, KeyError,
            TypeError, AttributeError, ValueError) as error:
        return {"accepted": False, "by": type(error).__name__}
    answer = {"accepted": True, "projectId": config.project_id,
              "accountId": config.account_id, "revision": config.revision,
              "region": config.region, "sdkKey": config.sdk_key or "",
              "environmentKey": config.environment_key or "",
              "anonymizeIP": bool(config.anonymize_ip),
              "botFiltering": bool(config.bot_filtering),
              "sendFlagDecisions": bool(config.send_flag_decisions)}
    answer.update(definitions(config, line))
    return answer


def definitions(config, line):
    holdouts = {holdout.key: holdout for holdout in config.holdouts}

    def attribute(key):
        found = config.attribute_key_map.get(key)
        return found.id if found else None

    def event(key):
        found = config.event_key_map.get(key)
        return found.id if found else None

    def experiment(key):
        found = config.experiment_key_map.get(key)
        if found:
            return [found.id, found.layerId]
        found = holdouts.get(key)
        return [found.id, ""] if found else [None, None]

    def variation(pair):
        found = config.variation_key_map.get(pair[0], {}).get(pair[1])
        if isinstance(found, dict):
            return found["id"]
        return found.id if found else None

    return {"attributes": [attribute(key) for key in line["attributes"]],
            "events": [event(key) for key in line["events"]],
            "experiments": [experiment(key) for key in line["experiments"]],
            "variations": [variation(pair) for pair in line["variations"]]}


def main():
    texts, projects = {}, {}

    def project(name):
        if name not in projects:
            projects[name] = Project(texts[name])
        return projects[name]

    if sys.argv[1:] == ["--version"]:
        print(json.dumps(["python-sdk", version.__version__]))
        return
    for text in sys.stdin:
        line = json.loads(text)
        if "datafile" in line:
            texts[line["datafile"]] = line["text"]
        elif "lookup" in line:
            print(json.dumps(look_up(texts[line["lookup"]], line)))
        elif "case" in line:
            print(json.dumps(run_case(project, line)))
    sys.stdout.flush()


main()
