/*
 * A saved event from a disk that lies: length and checksum are put right, so
 * that the rest is looked at. What is restored is valid JSON and saves to the
 * same bytes; without the correction a change of one byte is noticed.
 */
#include <stdlib.h>
#include <string.h>

#include <optly/event.h>

#include "fuzz.h"
#include "strict_json.h"

enum { LEAST = 24 };

static const json_rules strict = {
    .most_depth = 64, .bad_bytes = JSON_REFUSE, .lone_surrogates = JSON_REFUSE};

static void put(uint8_t *to, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static void put_right(uint8_t *bytes, size_t size)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);

    put(bytes + 8, size);
    for (size_t i = 0; i < size - 8; i++)
        sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
    put(bytes + size - 8, sum);
}

static void check_event(const optly_user_event *event, const uint8_t *bytes,
                        size_t size)
{
    static json_document document;
    size_t len = optly_user_event_json_len(event);
    uint8_t *again = malloc(size);

    FUZZ_CHECK(again != NULL);
    FUZZ_CHECK(optly_user_event_save(event, again, size) == size);
    FUZZ_CHECK(memcmp(again, bytes, size) == 0);
    FUZZ_CHECK(strlen(optly_user_event_json(event)) == len);
    FUZZ_CHECK(
        json_read(&document, optly_user_event_json(event), len, &strict));
    FUZZ_CHECK(document.root->type == JSON_OBJECT);
    FUZZ_CHECK(strlen(optly_user_event_uuid(event)) == 36);
    FUZZ_CHECK(optly_user_event_timestamp_ms(event) >= 0);
    free(again);
}

static void check_damage(uint8_t *bytes, size_t size, size_t at)
{
    optly_user_event *event;

    bytes[at] ^= 1;
    FUZZ_CHECK(optly_user_event_restore(&event, bytes, size, NULL) != OPTLY_OK);
    FUZZ_CHECK(event == NULL);
    bytes[at] ^= 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    optly_user_event *event = NULL;
    optly_error err = {OPTLY_OK, ""};
    optly_status status;
    uint8_t *bytes = malloc(size > 0 ? size : 1);

    FUZZ_CHECK(bytes != NULL);
    memcpy(bytes, data, size);
    if (size >= LEAST)
        put_right(bytes, size);
    status = optly_user_event_restore(&event, bytes, size, &err);
    FUZZ_CHECK((event != NULL) == (status == OPTLY_OK));
    if (event != NULL) {
        check_event(event, bytes, size);
        check_damage(bytes, size, data[size - 1] % size);
        optly_user_event_destroy(event);
    } else {
        FUZZ_CHECK(status == OPTLY_ERR_PARSE ||
                   status == OPTLY_ERR_UNSUPPORTED);
        FUZZ_CHECK(err.status == status && err.message[0] != '\0');
    }
    fuzz_note((uint64_t)status);
    free(bytes);
    return 0;
}
