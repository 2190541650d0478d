/* The attributes of a visitor: which go along, and how they are written. */
#include "event/visitor_json.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "project/hash.h"

#define RESERVED_PREFIX "$opt_"
#define BOT_FILTERING "$opt_bot_filtering"

/* So many need no memory but the stack; slots are at least twice as many. */
enum { FEW_PAIRS = 32, FEW_SLOTS = 64 };

struct item {
    uint64_t hash;
    size_t key_len, text_len;
    bool is_beaten; /* a later one has the same key */
};

/* The pairs, measured, and an index that finds them by key. */
struct selection {
    const optly_pair *pairs;
    size_t count;
    struct item *items;
    uint16_t *slots; /* 0, or the number of an item plus 1 */
    size_t slot_count;
    void *heap;
    struct item few_items[FEW_PAIRS];
    uint16_t few_slots[FEW_SLOTS];
};

static bool selection_init(struct selection *selection, const optly_pair *pairs,
                           size_t count)
{
    selection->pairs = pairs;
    selection->count = count;
    selection->items = selection->few_items;
    selection->slots = selection->few_slots;
    selection->heap = NULL;
    selection->slot_count = 16;
    while (selection->slot_count < 2 * count)
        selection->slot_count *= 2;
    if (count > FEW_PAIRS) {
        size_t items_size = count * sizeof(*selection->items);

        selection->heap = optly__alloc(
            items_size + selection->slot_count * sizeof(*selection->slots));
        if (selection->heap == NULL)
            return false;
        selection->items = selection->heap;
        selection->slots =
            (uint16_t *)(void *)((char *)selection->heap + items_size);
    }
    memset(selection->slots, 0,
           selection->slot_count * sizeof(*selection->slots));
    return true;
}

static bool is_same_key(const struct selection *selection, size_t a, size_t b)
{
    const struct item *items = selection->items;

    return items[a].hash == items[b].hash &&
           items[a].key_len == items[b].key_len &&
           memcmp(selection->pairs[a].key, selection->pairs[b].key,
                  items[a].key_len) == 0;
}

/* Number `i` beats an earlier one with the same key. */
static void index_item(struct selection *selection, size_t i)
{
    size_t mask = selection->slot_count - 1;
    size_t slot = (size_t)selection->items[i].hash & mask;

    for (; selection->slots[slot] != 0; slot = (slot + 1) & mask) {
        size_t other = selection->slots[slot] - 1u;

        if (is_same_key(selection, other, i)) {
            selection->items[other].is_beaten = true;
            break;
        }
    }
    selection->slots[slot] = (uint16_t)(i + 1);
}

/* Returns the number of the first pair that has to be refused, or their count.
 */
static size_t measure_all(struct selection *selection)
{
    for (size_t i = 0; i < selection->count; i++) {
        struct item *item = &selection->items[i];
        const optly_pair *pair = &selection->pairs[i];

        if (!optly__measure_pair(pair, &item->key_len, &item->text_len))
            return i;
        item->hash = optly__hash(pair->key, item->key_len);
        item->is_beaten = false;
        index_item(selection, i);
    }
    return selection->count;
}

static bool has_reserved_prefix(const char *key, size_t len)
{
    return len >= sizeof(RESERVED_PREFIX) - 1 &&
           memcmp(key, RESERVED_PREFIX, sizeof(RESERVED_PREFIX) - 1) == 0;
}

/* An attribute is nothing to the service without its id. */
static bool has_entity(const optly__attribute *known, const char *key,
                       size_t len)
{
    return known != NULL ? known->definition.id[0] != '\0'
                         : has_reserved_prefix(key, len);
}

static bool is_bot_filtering(const char *key, size_t len)
{
    return len == sizeof(BOT_FILTERING) - 1 &&
           memcmp(key, BOT_FILTERING, len) == 0;
}

/* A comma follows each: there is always one more attribute. */
static void write_attribute(optly__writer *writer, const optly_project *project,
                            const optly_pair *pair, const struct item *item)
{
    const optly__attribute *known = optly__table_find(
        &project->attributes, pair->key, item->key_len, item->hash);

    if (is_bot_filtering(pair->key, item->key_len))
        return;
    if (!has_entity(known, pair->key, item->key_len)) {
        optly__project_notice(project, OPTLY__NOTICE_UNKNOWN_ATTRIBUTE,
                              pair->key, item->key_len);
        return;
    }
    if (!optly__value_suits_attribute(&pair->value)) {
        optly__project_notice(project, OPTLY__NOTICE_INVALID_ATTRIBUTE,
                              pair->key, item->key_len);
        return;
    }
    optly__write_literal(writer, "{\"value\":");
    (void)optly__write_value(writer, &pair->value, item->text_len);
    if (known != NULL) {
        optly__write_raw(writer, known->text, known->text_len);
    } else {
        optly__write_literal(writer, ",\"key\":");
        optly__write_string(writer, pair->key, item->key_len);
        optly__write_literal(writer, ",\"type\":\"custom\",\"entity_id\":");
        optly__write_string(writer, pair->key, item->key_len);
        optly__write_literal(writer, "}");
    }
    optly__write_literal(writer, ",");
}

static void write_bot_filtering(optly__writer *writer,
                                const optly_project *project)
{
    optly__write_literal(writer, "{\"value\":");
    optly__write_bool(writer, project->context->fields.bot_filtering);
    optly__write_literal(writer, ",\"key\":\"" BOT_FILTERING
                                 "\",\"type\":\"custom\",\"entity_id\":"
                                 "\"" BOT_FILTERING "\"}");
}

optly_status optly__write_attributes(optly__writer *writer,
                                     const optly_project *project,
                                     const optly_pair *pairs, size_t count,
                                     optly_error *err)
{
    struct selection selection;
    optly_status status = OPTLY_OK;
    size_t measured;

    if (!selection_init(&selection, pairs, count))
        return optly__fail_memory(err);
    measured = measure_all(&selection);
    if (measured < count) {
        status =
            optly__refuse_pair(&pairs[measured], "attributes", measured, err);
    } else {
        for (size_t i = 0; i < count; i++) {
            if (!selection.items[i].is_beaten)
                write_attribute(writer, project, &pairs[i],
                                &selection.items[i]);
        }
        write_bot_filtering(writer, project);
    }
    optly__free(selection.heap);
    return status;
}
