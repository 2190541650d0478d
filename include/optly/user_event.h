/**
 * @file
 * User events and their builders: an impression or a conversion of a visitor.
 */
#ifndef OPTLY_USER_EVENT_H
#define OPTLY_USER_EVENT_H

#include <optly/project.h>
#include <optly/value.h>

OPTLY_BEGIN_DECLS

/**
 * A finished event: the JSON of its visitor object, its uuid and timestamp.
 * Immutable. Owned by whoever made it until optly_process_event takes it.
 */
typedef struct optly_user_event optly_user_event;

/** Who did it. `id` is required, may be empty, and has 4 KiB at most. */
typedef struct optly_user {
    const char *id;               /**< of the visitor; borrowed */
    const optly_pair *attributes; /**< 1,000 at most */
    size_t attribute_count;       /**< of `attributes` */
} optly_user;

/** A visitor saw a variation. Start from optly_impression_default. */
typedef struct optly_impression {
    size_t struct_size;                 /**< set by optly_impression_default */
    const optly_experiment *experiment; /**< NULL: all ids are "" */
    const optly_variation *variation;   /**< NULL: the visitor got none */
    const char *flag_key;               /**< NULL is "" */
    const char *rule_key;               /**< NULL is "" */
    const char *rule_type;              /**< NULL is "" */
    const char *cmab_uuid;              /**< NULL: left out; "" is sent */
    int64_t timestamp_ms;               /**< since 1970; 0: now */
    const char *uuid; /**< 8-4-4-4-12 hexadecimal digits, kept as they
                       * are; NULL: a new version 4 uuid */
    bool enabled;     /**< whether the flag was on */
    bool reserved[7]; /**< false */
} optly_impression;

/** A visitor did something. Start from optly_conversion_default. */
typedef struct optly_conversion {
    size_t struct_size;     /**< set by optly_conversion_default */
    const char *event_key;  /**< required; an event of the project */
    const optly_pair *tags; /**< 1,000 at most */
    size_t tag_count;       /**< of `tags` */
    int64_t timestamp_ms;   /**< since 1970; 0: now */
    const char *uuid;       /**< as in optly_impression */
} optly_conversion;

/** An impression of nobody's: all fields empty. */
static inline optly_impression optly_impression_default(void)
{
    optly_impression impression;

    memset(&impression, 0, sizeof(impression));
    impression.struct_size = sizeof(impression);
    return impression;
}

/** A conversion without a key, which is yours to set. */
static inline optly_conversion optly_conversion_default(void)
{
    optly_conversion conversion;

    memset(&conversion, 0, sizeof(conversion));
    conversion.struct_size = sizeof(conversion);
    return conversion;
}

/** What all events of a project share. */
typedef struct optly_event_context {
    const char *revision;       /**< of the datafile */
    const char *account_id;     /**< of the project */
    const char *client_version; /**< of the SDK */
    const char *project_id;     /**< of the project */
    const char *client_name;    /**< of the SDK */
    const char *region;         /**< decides the endpoint */
    bool anonymize_ip;          /**< the service forgets addresses */
    bool bot_filtering;         /**< sent with each event */
    bool reserved[6];           /**< false */
} optly_event_context;

/**
 * Returns what all events of `project` share. The strings are valid until the
 * project is destroyed. Any thread.
 */
OPTLY_API optly_event_context
optly_create_event_context(const optly_project *project);

/**
 * Makes the event "this visitor saw this variation".
 *
 * Copies all it is given. The uuid, the time and the text are fixed from here
 * on. Attributes that are unknown to the project or not valid are left out.
 *
 * Returns OPTLY_OK; OPTLY_SKIPPED and no event when no impression is due (a
 * rollout, or no variation, of a project that does not send flag decisions);
 * OPTLY_ERR_INVALID; OPTLY_ERR_TOO_LARGE; OPTLY_ERR_NO_MEMORY;
 * OPTLY_ERR_NO_ENTROPY. Any thread.
 */
OPTLY_API optly_status
optly_create_impression(optly_user_event **out, const optly_project *project,
                        const optly_user *user,
                        const optly_impression *impression, optly_error *err);

/**
 * Makes the event "this visitor did that", with tags.
 *
 * As optly_create_impression; never skipped, but OPTLY_ERR_NOT_FOUND for an
 * event key that the project does not have. The tags `revenue` (an integer,
 * or a double that is cut to one) and `value` (a number) also count as such.
 */
OPTLY_API optly_status
optly_create_conversion(optly_user_event **out, const optly_project *project,
                        const optly_user *user,
                        const optly_conversion *conversion, optly_error *err);

/** Frees an event that no processor took. Any thread. */
OPTLY_API void optly_user_event_destroy(optly_user_event *event);

/**
 * @name What an event holds
 *
 * Valid until the event is destroyed. Any thread.
 *
 * @{
 */

/** Returns the uuid. */
OPTLY_API const char *optly_user_event_uuid(const optly_user_event *event);
/** Returns the id of the visitor. */
OPTLY_API const char *
optly_user_event_visitor_id(const optly_user_event *event);
/** Returns the key: of the conversion, or `campaign_activated`. */
OPTLY_API const char *optly_user_event_key(const optly_user_event *event);
/** Returns the id of the conversion's event, or of the campaign. */
OPTLY_API const char *optly_user_event_entity_id(const optly_user_event *event);

/** Returns the visitor object as it will be sent. */
OPTLY_API const char *optly_user_event_json(const optly_user_event *event);
/** Returns its length in bytes, without the NUL. */
OPTLY_API size_t optly_user_event_json_len(const optly_user_event *event);

/** Returns the bytes that the event counts for in a queue. */
OPTLY_API size_t optly_user_event_size(const optly_user_event *event);
/** Returns the time of the event, in ms since 1970. */
OPTLY_API int64_t optly_user_event_timestamp_ms(const optly_user_event *event);
/** Whether it is an impression; else it is a conversion. */
OPTLY_API bool optly_user_event_is_impression(const optly_user_event *event);

/** Returns what it shares with others of its project. */
OPTLY_API optly_event_context
optly_user_event_context(const optly_user_event *event);

/** @} */

/**
 * Writes the event, context included, in a stable, versioned form for a
 * durable queue. Returns the bytes needed, and writes them to `buffer` if
 * `capacity` suffices. Any thread.
 */
OPTLY_API size_t optly_user_event_save(const optly_user_event *event,
                                       void *buffer, size_t capacity);

/**
 * Makes an event from the bytes of optly_user_event_save: same uuid, same
 * time, same text. Copies `bytes`.
 *
 * Returns OPTLY_OK, OPTLY_ERR_PARSE (damaged), OPTLY_ERR_UNSUPPORTED (a newer
 * form), OPTLY_ERR_INVALID, OPTLY_ERR_NO_MEMORY. Any thread.
 */
OPTLY_API optly_status optly_user_event_restore(optly_user_event **out,
                                                const void *bytes, size_t len,
                                                optly_error *err);

OPTLY_END_DECLS

#endif
