/**
 * @file
 * A project: what events need to know of a datafile.
 */
#ifndef OPTLY_PROJECT_H
#define OPTLY_PROJECT_H

#include <string.h>

#include <optly/status.h>
#include <optly/version.h>

OPTLY_BEGIN_DECLS

/**
 * One revision of a project. Immutable and reference-counted: any number of
 * threads may read it and build events from it. Events made from it stay
 * valid when it is destroyed.
 */
typedef struct optly_project optly_project;

/** An attribute that the project knows. */
typedef struct optly_attribute_definition {
    const char *id;  /**< sent as `entity_id` */
    const char *key; /**< by which the host names it */
} optly_attribute_definition;

/** An event that conversions may have. */
typedef struct optly_event_definition {
    const char *id;  /**< sent as `entity_id` */
    const char *key; /**< by which the host names it */
} optly_event_definition;

/** An experiment, as impressions need it. */
typedef struct optly_experiment {
    const char *id;       /**< sent as `experiment_id` */
    const char *key;      /**< by which the host names it */
    const char *layer_id; /**< sent as `campaign_id` */
} optly_experiment;

/** A variation of an experiment. */
typedef struct optly_variation {
    const char *id;  /**< sent as `variation_id` */
    const char *key; /**< sent as `variation_key` */
} optly_variation;

/** Settings of a project made without a datafile. Everything is copied. */
typedef struct optly_project_config {
    size_t struct_size;         /**< set by optly_project_config_default */
    const char *project_id;     /**< required, not empty */
    const char *account_id;     /**< required, not empty */
    const char *revision;       /**< required, not empty */
    const char *region;         /**< default "US" */
    const char *client_name;    /**< default OPTLY_CLIENT_NAME */
    const char *client_version; /**< default the library's version */
    const optly_attribute_definition *attributes; /**< default none */
    size_t attribute_count;                       /**< of `attributes` */
    const optly_event_definition *events;         /**< default none */
    size_t event_count;                           /**< of `events` */
    bool anonymize_ip;  /**< the service forgets addresses; default true */
    bool bot_filtering; /**< sent with each event; default false */
    bool send_flag_decisions; /**< impressions of rollouts too; default false */
    bool reserved[5];         /**< false */
} optly_project_config;

/** All defaults; anonymize_ip is true. */
static inline optly_project_config optly_project_config_default(void)
{
    optly_project_config config;

    memset(&config, 0, sizeof(config));
    config.struct_size = sizeof(config);
    config.anonymize_ip = true;
    return config;
}

/**
 * Makes a project from a datafile: JSON of version "2", "3" or "4".
 *
 * Borrows `json`, which need not be NUL-terminated. Unknown fields are
 * ignored; null counts as absent.
 *
 * Returns OPTLY_OK; OPTLY_ERR_PARSE with the offset or the path of what is
 * wrong; OPTLY_ERR_UNSUPPORTED for another version; OPTLY_ERR_TOO_LARGE for an
 * id, a key or another string of more than 4 KiB; OPTLY_ERR_INVALID;
 * OPTLY_ERR_NO_MEMORY. Any thread.
 */
OPTLY_API optly_status optly_project_from_datafile(optly_project **out,
                                                   const char *json,
                                                   size_t json_len,
                                                   optly_error *err);

/**
 * Makes a project from settings; copies all of them.
 *
 * Returns OPTLY_OK, OPTLY_ERR_INVALID (names the field), OPTLY_ERR_TOO_LARGE,
 * OPTLY_ERR_UNSUPPORTED or OPTLY_ERR_NO_MEMORY. Any thread.
 */
OPTLY_API optly_status optly_project_create(optly_project **out,
                                            const optly_project_config *config,
                                            optly_error *err);

/**
 * Adds a reference and returns `project`; give it back with
 * optly_project_destroy. A thread that builds events while another one swaps
 * projects holds a reference of its own. Any thread; NULL gives NULL.
 */
OPTLY_API optly_project *optly_project_retain(optly_project *project);

/** Drops one reference. Events made from the project stay valid. Any thread. */
OPTLY_API void optly_project_destroy(optly_project *project);

/**
 * Names the SDK that embeds the library, as `client_name` and
 * `client_version` of its events; copies both, NULL keeps what is there.
 *
 * Call it before the first event is made and before other threads use the
 * project: later it is OPTLY_ERR_INVALID. Also OPTLY_ERR_TOO_LARGE,
 * OPTLY_ERR_NO_MEMORY.
 */
OPTLY_API optly_status optly_project_set_client(optly_project *project,
                                                const char *name,
                                                const char *version);

/**
 * Sets where the builders say what they leave out of events: once per key of
 * an attribute or tag, on the thread that builds. Keys are named, values
 * never. Same rules as optly_project_set_client.
 */
OPTLY_API optly_status optly_project_set_log(optly_project *project,
                                             optly_log_fn log, void *user);

/**
 * @name What was read
 *
 * Strings are never NULL ("" where the datafile had nothing) and valid until
 * the project is destroyed; so are looked-up structs. Keys compare byte for
 * byte; an unknown key, or NULL, gives NULL. Any thread.
 *
 * @{
 */

/** Returns the id of the project. */
OPTLY_API const char *optly_project_id(const optly_project *project);
/** Returns the id of the account. */
OPTLY_API const char *optly_project_account_id(const optly_project *project);
/** Returns the revision of the datafile. */
OPTLY_API const char *optly_project_revision(const optly_project *project);
/** Returns the region, "US" or "EU" as a rule. */
OPTLY_API const char *optly_project_region(const optly_project *project);
/** Returns the SDK key of the datafile. */
OPTLY_API const char *optly_project_sdk_key(const optly_project *project);
/** Returns the key of the environment. */
OPTLY_API const char *
optly_project_environment_key(const optly_project *project);
/** Whether the service is to forget addresses. */
OPTLY_API bool optly_project_anonymize_ip(const optly_project *project);
/** Whether bots are filtered. */
OPTLY_API bool optly_project_bot_filtering(const optly_project *project);
/** Whether decisions of flags are sent without an experiment. */
OPTLY_API bool optly_project_send_flag_decisions(const optly_project *project);

/** Returns the id of the attribute `key`. */
OPTLY_API const char *optly_project_attribute_id(const optly_project *project,
                                                 const char *key);

/** Finds the event `key`. */
OPTLY_API const optly_event_definition *
optly_project_event(const optly_project *project, const char *key);

/** Finds an experiment, also those of groups, rollouts and holdouts. */
OPTLY_API const optly_experiment *
optly_project_experiment(const optly_project *project, const char *key);

/** Finds a variation of the experiment `experiment_key`. */
OPTLY_API const optly_variation *
optly_project_variation(const optly_project *project,
                        const char *experiment_key, const char *variation_key);

/** @} */

OPTLY_END_DECLS

#endif
