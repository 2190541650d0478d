/*
 * A tag of nested JSON: taken exactly when the strict reader takes it, and what
 * is written means the same, is strictly valid, and has no white space.
 */
#include <stdlib.h>
#include <string.h>

#include "event/value.h"
#include "fuzz.h"
#include "strict_json.h"

static const json_rules lenient = {.most_depth = OPTLY__MOST_JSON_DEPTH,
                                   .bad_bytes = JSON_REPLACE,
                                   .lone_surrogates = JSON_REPLACE};
static const json_rules strict = {.most_depth = OPTLY__MOST_JSON_DEPTH,
                                  .bad_bytes = JSON_REFUSE,
                                  .lone_surrogates = JSON_REFUSE};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static json_document in, out;
    fuzz_input input = fuzz_input_of(data, size);
    char scratch[256];
    optly_value value = {.type = OPTLY_JSON};
    optly__writer writer;
    bool is_valid, is_taken;
    char *text;
    size_t len, measured;

    text = fuzz_rest(&input, &len);
    value.as.text = text;
    FUZZ_CHECK(optly__value_measure(&value, &measured) && measured == len);
    is_valid = json_read(&in, text, len, &lenient) &&
               (in.root->type == JSON_OBJECT || in.root->type == JSON_ARRAY) &&
               json_numbers_fit(in.root, SIZE_MAX);

    optly__writer_init(&writer, scratch, sizeof(scratch),
                       OPTLY__MOST_EVENT_LEN);
    optly__write_literal(&writer, "\"before\"");
    is_taken = optly__write_value(&writer, &value, len);
    FUZZ_CHECK(writer.status == OPTLY_OK);
    FUZZ_CHECK(memcmp(writer.start, "\"before\"", 8) == 0);
    FUZZ_CHECK(is_taken == is_valid ||
               (is_valid && json_is_near_overflow(in.root)));
    if (is_taken) {
        FUZZ_CHECK(json_read(&out, writer.start + 8,
                             optly__writer_len(&writer) - 8, &strict));
        FUZZ_CHECK(out.spaces == 0);
        FUZZ_CHECK(json_equal(in.root, out.root));
    } else {
        FUZZ_CHECK(optly__writer_len(&writer) == 8);
    }
    fuzz_note(optly__writer_len(&writer));
    optly__writer_cleanup(&writer);
    free(text);
    return 0;
}
