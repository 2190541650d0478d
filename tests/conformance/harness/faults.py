"""Plants faults in a copy of the library; the run has to catch each.

    faults.py FOLDER [NAME...]

FOLDER has the SDKs, in python/ and node/, and perhaps go/. Each fault is a
piece of a source and what stands there instead. Ends with 1 if one is not
caught.
"""
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", "..", ".."))
CRASH = "conformance_runner ended with"  # of a broken invariant: caught too
COPIED = ["CMakeLists.txt", "cmake", "include", "src", "tests"]

# name: (file, what stands there, what instead, and perhaps more of both)
FAULTS = {
    "type before key": (
        "src/project/definitions.c",
        """    write_field(&writer, ",\\"key\\":", definition->key);
    write_field(&writer, ",\\"type\\":\\"custom\\",\\"entity_id\\":", definition->id);
""",
        """    write_field(&writer, ",\\"type\\":\\"custom\\",\\"key\\":", definition->key);
    write_field(&writer, ",\\"entity_id\\":", definition->id);
"""),
    "cmab uuid dropped": (
        "src/event/builder.c",
        "decision->has_cmab_uuid = impression->cmab_uuid != NULL;",
        "decision->has_cmab_uuid = false;"),
    "empty cmab uuid dropped": (
        "src/event/builder.c",
        "decision->has_cmab_uuid = impression->cmab_uuid != NULL;",
        "decision->has_cmab_uuid = decision->cmab_uuid.len > 0;"),
    "revenue rounded": (
        "src/event/value.c", "*revenue = (int64_t)value->as.number;",
        "*revenue = llround(value->as.number);"),
    "revenue from bool": (
        "src/event/value.c",
        """    if (value->type == OPTLY_INT64) {
        *revenue""",
        """    if (value->type == OPTLY_BOOL) {
        *revenue = value->as.boolean;
        return true;
    }
    if (value->type == OPTLY_INT64) {
        *revenue"""),
    "attribute with an unknown id": (
        "src/event/attributes.c",
        ": has_reserved_prefix(key, len);", ": len > 0;"),
    "attribute with an empty id": (
        "src/event/attributes.c",
        "known->definition.id[0] != '\\0'", "true"),
    "limit of attributes off by one": (
        "src/event/value.c",
        "fabs(value->as.number) <= two_to_53;",
        "fabs(value->as.number) < two_to_53;"),
    "first of one key wins": (
        "src/event/attributes.c",
        "            selection->items[other].is_beaten = true;\n",
        "            selection->items[i].is_beaten = true;\n"),
    "user's bot filtering sent": (
        "src/event/attributes.c",
        """    if (is_bot_filtering(pair->key, item->key_len))
        return;
""", ""),
    "campaign without its layer": (
        "src/event/builder.c",
        "    if (decision->campaign_id.len == 0)\n", ""),
    "variation id of anything": (
        "src/event/builder.c",
        "decision->has_numeric_variation = is_numeric(",
        "decision->has_numeric_variation = 0 == is_numeric("),
    "variation id with a sign": (
        "src/event/builder.c",
        "if (text.bytes[i] < '0' || text.bytes[i] > '9')",
        "if (text.bytes[i] < '+' || text.bytes[i] > '9')"),
    "rollout always due": (
        "src/event/builder.c",
        "    return impression->variation != NULL &&\n",
        "    return true || impression->variation != NULL ||\n"),
    "no variation always due": (
        "src/event/builder.c",
        "    return impression->variation != NULL &&\n"
        "           (impression->rule_type == NULL ||\n",
        "    return (impression->rule_type == NULL ||\n"),
    "holdout with its layer": (
        "src/project/datafile.c",
        """    (void)context;
    return read_rule(reader, item, &definition);
""",
        """    (void)context;
    (void)read_string(reader, item, "layerId", &definition.layer_id);
    return read_rule(reader, item, &definition);
"""),
    "groups not read": (
        "src/project/datafile.c", '{"groups", read_group},',
        '{"grouped", read_group},'),
    "invalid bytes dropped": (
        "src/json/writer.c",
        "        optly__write_literal(writer, OPTLY__UTF8_REPLACEMENT);\n", ""),
    "tags unsorted": (
        "src/event/tags.c", "            sort_few(tags, count);\n",
        "            (void)sort_few;\n"),
    "value as text of 15 digits": (
        "src/json/number.c",
        "        round_to(decimal, value, MOST_DIGITS);\n",
        "        round_to(decimal, value, SAFE_DIGITS);\n"),
    "zero without its sign": (
        "src/json/number.c", "signbit(value) ? 1 : 0", "value < 0 ? 1 : 0"),
    "region always US": (
        "src/project/context.c",
        "true,\\\"region\\\":\", fields->region);",
        "true,\\\"region\\\":\", \"US\");"),
    "regions mixed in a batch": (
        "src/project/context.c", "a->head_len + a->tail_len) == 0",
        "a->head_len) == 0", "optly__hash(at, frame_len)",
        "optly__hash(at, head_len)"),
    "EU sent to the US": (
        "src/project/context.c", "bool is_eu = is_region(",
        "bool is_eu = 0 && is_region("),
    "a callback for each retry": (
        "src/engine/send.c", "        batch->notified = true;\n        if",
        "        batch->notified = false;\n        if"),
    "a uuid that repeats": (
        "src/event/builder.c",
        "        optly__uuid_write(new_uuid, random);\n",
        "        memset(random, 7, sizeof(random));\n"
        "        optly__uuid_write(new_uuid, random);\n"),
    "batches of one too many": (
        "src/engine/fill.c",
        "batch->count == engine->config.batch_size)",
        "batch->count == engine->config.batch_size + 1)"),
}


class Copy:
    """A copy of the sources that can be built."""

    def __init__(self, folder):
        self.sdks = folder
        driver = os.path.join(folder, "go", "driver")
        self.go = ["--go", driver] if os.path.exists(driver) else []
        self.sources = os.path.join(folder, "faults", "sources")
        self.build = os.path.join(folder, "faults", "build")
        shutil.rmtree(self.sources, ignore_errors=True)
        for name in COPIED:
            path = os.path.join(ROOT, name)
            to = os.path.join(self.sources, name)
            os.makedirs(self.sources, exist_ok=True)
            # Times of now, or an object of the last fault would be newer.
            if os.path.isdir(path):
                shutil.copytree(path, to, copy_function=shutil.copy)
            else:
                shutil.copy(path, to)
        self.run(["cmake", "-S", self.sources, "-B", self.build,
                  "-DOPTLY_BUILD_EXAMPLES=OFF", "-DOPTLY_BUILD_TOOLS=OFF"])

    def run(self, command):
        run = subprocess.run(command, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, check=False)
        if run.returncode != 0:
            sys.exit(run.stdout.decode())

    def conforms(self):
        """Builds and compares; what was printed, and whether all agrees."""
        self.run(["cmake", "--build", self.build, "--target",
                  "conformance_runner", "-j", str(os.cpu_count())])
        run = subprocess.run(
            [sys.executable, os.path.join(HERE, "conform.py"),
             os.path.join(self.build, "tests", "conformance",
                          "conformance_runner"),
             "--python", os.path.join(self.sdks, "python"),
             "--node", os.path.join(self.sdks, "node"), "--random", "500",
             "--doubles", "1000", "--datafiles", "200"] + self.go,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        text = run.stdout.decode("utf-8", "replace")
        if run.returncode not in (0, 1) or \
                not ("passed" in text or CRASH in text):
            sys.exit("the run itself broke:\n" + text)
        return run.returncode == 0, text

    def plant(self, fault):
        """Returns what the file was before."""
        path = os.path.join(self.sources, fault[0])
        with open(path, encoding="utf-8") as file:
            before = text = file.read()
        for old, new in zip(fault[1::2], fault[2::2]):
            if old not in text:
                sys.exit("%s: no longer has %r" % (path, old))
            text = text.replace(old, new, 1)
        self.write(path, text)
        return path, before

    def write(self, path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def first_difference(text):
    return next((line for line in text.splitlines()
                 if line.startswith("DIFFERS") or CRASH in line), "")


def main():
    folder, names = os.path.abspath(sys.argv[1]), sys.argv[2:] or FAULTS
    copy = Copy(folder)
    conforms, text = copy.conforms()
    if not conforms:
        sys.exit("the library without a fault does not conform:\n" + text)
    caught = 0
    for name in names:
        path, before = copy.plant(FAULTS[name])
        conforms, text = copy.conforms()
        copy.write(path, before)
        caught += not conforms
        print("%-7s %s: %.160s" % ("MISSED" if conforms else "caught", name,
                                   first_difference(text)), flush=True)
    print("%d passed, %d failed" % (caught, len(names) - caught))
    sys.exit(caught < len(names))


main()
