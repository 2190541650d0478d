#include "event/visitor_json.h"

#include "base/error.h"

optly_status optly__refuse_pair(const optly_pair *pair, const char *list,
                                size_t i, optly_error *err)
{
    if (pair->key == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "%s[%zu].key: is NULL", list,
                           i);
    if (strnlen(pair->key, OPTLY__MOST_KEY_LEN + 1) > OPTLY__MOST_KEY_LEN)
        return optly__fail(err, OPTLY_ERR_TOO_LARGE,
                           "%s[%zu].key: longer than %d bytes", list, i,
                           OPTLY__MOST_KEY_LEN);
    return optly__fail(err, OPTLY_ERR_TOO_LARGE,
                       "%s[%zu].value: longer than %d bytes", list, i,
                       OPTLY__MOST_TEXT_LEN);
}

static void write_text(optly__writer *writer, optly__text text)
{
    optly__write_string(writer, text.bytes, text.len);
}

#define write_field(writer, name, text)                                        \
    do {                                                                       \
        optly__write_literal((writer), name ":");                              \
        write_text((writer), (text));                                          \
    } while (0)

static optly_status write_user(optly__writer *writer,
                               const optly__subject *subject, optly_error *err)
{
    optly_status status;

    optly__write_literal(writer, "{\"attributes\":[");
    status = optly__write_attributes(writer, subject->project,
                                     subject->user->attributes,
                                     subject->user->attribute_count, err);
    optly__write_literal(writer, "],\"snapshots\":[{");
    return status;
}

/* The time, and room for the uuid. */
static size_t write_identity(optly__writer *writer,
                             const optly__subject *subject)
{
    size_t uuid_offset;

    optly__write_int(writer, subject->timestamp_ms);
    optly__write_literal(writer, ",\"uuid\":\"");
    uuid_offset = optly__writer_len(writer);
    optly__write_literal(writer, "                                    \"");
    return uuid_offset;
}

static void write_end(optly__writer *writer, const optly__subject *subject)
{
    optly__write_literal(writer, "}]}],");
    write_field(writer, "\"visitor_id\"", subject->visitor_id);
    optly__write_literal(writer, "}");
}

static void write_decision(optly__writer *writer,
                           const optly__decision *decision)
{
    optly__write_literal(writer, "\"decisions\":[{\"variation_id\":");
    if (decision->has_numeric_variation)
        write_text(writer, decision->variation_id);
    else
        optly__write_literal(writer, "null");
    write_field(writer, ",\"campaign_id\"", decision->campaign_id);
    write_field(writer, ",\"experiment_id\"", decision->experiment_id);
    write_field(writer, ",\"metadata\":{\"flag_key\"", decision->flag_key);
    write_field(writer, ",\"rule_key\"", decision->rule_key);
    write_field(writer, ",\"rule_type\"", decision->rule_type);
    write_field(writer, ",\"variation_key\"", decision->variation_key);
    optly__write_literal(writer, ",\"enabled\":");
    optly__write_bool(writer, decision->enabled);
    if (decision->has_cmab_uuid)
        write_field(writer, ",\"cmab_uuid\"", decision->cmab_uuid);
    optly__write_literal(writer, "}}],");
}

optly_status optly__write_impression(optly__writer *writer,
                                     const optly__subject *subject,
                                     const optly__decision *decision,
                                     size_t *uuid_offset, optly_error *err)
{
    optly_status status = write_user(writer, subject, err);

    write_decision(writer, decision);
    write_field(writer, "\"events\":[{\"entity_id\"", decision->campaign_id);
    optly__write_literal(writer,
                         ",\"key\":\"campaign_activated\",\"timestamp\":");
    *uuid_offset = write_identity(writer, subject);
    write_end(writer, subject);
    return status;
}

optly_status optly__write_conversion(optly__writer *writer,
                                     const optly__subject *subject,
                                     const optly__event *event,
                                     const optly_pair *tags, size_t tag_count,
                                     size_t *uuid_offset, optly_error *err)
{
    optly_status status = write_user(writer, subject, err);

    optly__write_literal(writer, "\"events\":[");
    optly__write_raw(writer, event->text, event->text_len);
    *uuid_offset = write_identity(writer, subject);
    if (status == OPTLY_OK)
        status =
            optly__write_tags(writer, subject->project, tags, tag_count, err);
    write_end(writer, subject);
    return status;
}
