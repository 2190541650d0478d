/* The tags of a conversion, sorted by key; revenue and value among them. */
#include "event/visitor_json.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* So many need no memory but the stack, and are sorted by insertion. */
enum { FEW_TAGS = 32, PREFIX_SIZE = 8 };

struct tag {
    uint64_t prefix; /* the first bytes of the key, so that they compare */
    const optly_pair *pair;
    size_t key_len, text_len;
};

static uint64_t read_big_endian(const char *bytes)
{
    const unsigned char *at = (const unsigned char *)bytes;

    return (uint64_t)at[0] << 24 | (uint64_t)at[1] << 16 |
           (uint64_t)at[2] << 8 | at[3];
}

static uint64_t prefix_of(const char *key, size_t len)
{
    uint64_t prefix = 0;

    if (len > PREFIX_SIZE)
        len = PREFIX_SIZE;
    if (len >= 4) /* two halves, which may overlap in equal bytes */
        return read_big_endian(key) << 32 | read_big_endian(key + len - 4)
                                                << (8 * (PREFIX_SIZE - len));
    for (size_t i = 0; i < len; i++)
        prefix |= (uint64_t)(unsigned char)key[i]
                  << (8 * (PREFIX_SIZE - 1 - i));
    return prefix;
}

/* Negative, 0 or positive, as `a` comes before, with or after `b`. */
static int compare_keys(const struct tag *a, const struct tag *b)
{
    size_t shorter = a->key_len < b->key_len ? a->key_len : b->key_len;
    int order;

    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    order = shorter > PREFIX_SIZE
                ? memcmp(a->pair->key + PREFIX_SIZE, b->pair->key + PREFIX_SIZE,
                         shorter - PREFIX_SIZE)
                : 0;
    if (order != 0)
        return order;
    return (a->key_len > b->key_len) - (a->key_len < b->key_len);
}

/* Tags with one key keep the caller's order. */
static bool is_before(const struct tag *a, const struct tag *b)
{
    int order = compare_keys(a, b);

    return order != 0 ? order < 0 : a->pair < b->pair;
}

static void sort_few(struct tag *tags, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct tag moved;
        size_t to = i;

        if (!is_before(&tags[i], &tags[i - 1]))
            continue;
        moved = tags[i];
        for (; to > 0 && is_before(&moved, &tags[to - 1]); to--)
            tags[to] = tags[to - 1];
        tags[to] = moved;
    }
}

/* Lets the tag at `root` sink in a heap with the last one on top. */
static void sink(struct tag *tags, size_t root, size_t count)
{
    struct tag moved = tags[root];
    size_t child;

    while ((child = 2 * root + 1) < count) {
        if (child + 1 < count && is_before(&tags[child], &tags[child + 1]))
            child++;
        if (!is_before(&moved, &tags[child]))
            break;
        tags[root] = tags[child];
        root = child;
    }
    tags[root] = moved;
}

/* A heap sort: qsort may allocate by itself. */
static void sort_many(struct tag *tags, size_t count)
{
    for (size_t root = count / 2; root > 0; root--)
        sink(tags, root - 1, count);
    for (size_t last = count - 1; last > 0; last--) {
        struct tag top = tags[0];

        tags[0] = tags[last];
        tags[last] = top;
        sink(tags, 0, last);
    }
}

/* Returns the number of the first pair that has to be refused, or `count`. */
static size_t measure_all(struct tag *tags, const optly_pair *pairs,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tag *tag = &tags[i];

        if (!optly__measure_pair(&pairs[i], &tag->key_len, &tag->text_len))
            return i;
        tag->pair = &pairs[i];
        tag->prefix = prefix_of(pairs[i].key, tag->key_len);
    }
    return count;
}

/* A tag that is written, and where its value stands in the JSON. */
struct written {
    const optly_value *value; /* NULL: there is none */
    size_t offset, len;
};

/* False if the tag cannot be written and was left out. */
static bool write_tag(optly__writer *writer, const optly_project *project,
                      const struct tag *tag, struct written *written)
{
    size_t before = optly__writer_len(writer);

    optly__write_name(writer, tag->pair->key, tag->key_len);
    written->value = &tag->pair->value;
    written->offset = optly__writer_len(writer);
    if (optly__write_value(writer, &tag->pair->value, tag->text_len)) {
        written->len = optly__writer_len(writer) - written->offset;
        optly__write_literal(writer, ",");
        return true;
    }
    optly__writer_truncate(writer, before);
    optly__project_notice(project, OPTLY__NOTICE_INVALID_TAG, tag->pair->key,
                          tag->key_len);
    return false;
}

static bool has_key(const struct tag *tag, const char *key, size_t len)
{
    return tag->key_len == len && memcmp(tag->pair->key, key, len) == 0;
}

/* Revenue is cut to an integer; else the number is the tag's, as written. */
static void write_numbers(optly__writer *writer, const struct written *revenue,
                          const struct written *value)
{
    int64_t amount;

    if (revenue->value != NULL &&
        optly__value_as_revenue(revenue->value, &amount)) {
        optly__write_literal(writer, ",\"revenue\":");
        if (revenue->value->type == OPTLY_INT64)
            optly__write_again(writer, revenue->offset, revenue->len);
        else
            optly__write_int(writer, amount);
    }
    if (value->value != NULL && optly__value_is_number(value->value)) {
        optly__write_literal(writer, ",\"value\":");
        optly__write_again(writer, value->offset, value->len);
    }
}

/* Writes sorted tags; the last of several with one key is the one. */
static void write_sorted(optly__writer *writer, const optly_project *project,
                         const struct tag *tags, size_t count)
{
    struct written revenue = {NULL, 0, 0}, value = {NULL, 0, 0}, written;
    size_t before = optly__writer_len(writer);
    bool has_any = false;

    optly__write_literal(writer, ",\"tags\":{");
    for (size_t i = 0; i < count; i++) {
        const struct tag *tag = &tags[i];

        if (i + 1 < count && compare_keys(tag, tag + 1) == 0)
            continue;
        if (!write_tag(writer, project, tag, &written))
            continue;
        has_any = true;
        if (has_key(tag, "revenue", 7))
            revenue = written;
        else if (has_key(tag, "value", 5))
            value = written;
    }
    if (!has_any) {
        optly__writer_truncate(writer, before);
        return;
    }
    /* The last comma makes way for the bracket. */
    optly__writer_truncate(writer, optly__writer_len(writer) - 1);
    optly__write_literal(writer, "}");
    write_numbers(writer, &revenue, &value);
}

optly_status optly__write_tags(optly__writer *writer,
                               const optly_project *project,
                               const optly_pair *pairs, size_t count,
                               optly_error *err)
{
    struct tag few[FEW_TAGS], *tags = few, *heap = NULL;
    optly_status status = OPTLY_OK;
    size_t measured;

    if (count == 0)
        return OPTLY_OK;
    if (count > FEW_TAGS) {
        heap = optly__alloc(count * sizeof(*heap));
        if (heap == NULL)
            return optly__fail_memory(err);
        tags = heap;
    }
    measured = measure_all(tags, pairs, count);
    if (measured < count) {
        status = optly__refuse_pair(&pairs[measured], "tags", measured, err);
    } else {
        if (count > FEW_TAGS)
            sort_many(tags, count);
        else
            sort_few(tags, count);
        write_sorted(writer, project, tags, count);
    }
    optly__free(heap);
    return status;
}
