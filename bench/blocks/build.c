/* Making events, and freeing them again. */
#include "blocks/list.h"
#include "blocks/sample.h"

#include <stdlib.h>

struct builder {
    optly_project *project;
    size_t attributes;
};

static void *create(size_t attributes)
{
    struct builder *builder = calloc(1, sizeof(*builder));

    sample_check(builder != NULL, "calloc");
    builder->project = sample_project();
    builder->attributes = attributes;
    return builder;
}

static void destroy(void *self)
{
    struct builder *builder = self;

    optly_project_destroy(builder->project);
    free(builder);
}

static void run_impression(void *self, size_t count)
{
    const struct builder *builder = self;

    for (size_t i = 0; i < count; i++)
        optly_user_event_destroy(sample_impression(builder->project, i));
}

static void run_conversion(void *self, size_t count)
{
    const struct builder *builder = self;

    for (size_t i = 0; i < count; i++)
        optly_user_event_destroy(sample_conversion(builder->project, i));
}

static void run_attributes(void *self, size_t count)
{
    const struct builder *builder = self;

    for (size_t i = 0; i < count; i++)
        optly_user_event_destroy(
            sample_with_attributes(builder->project, builder->attributes));
}

#define BUILDER(function)                                                      \
    .create = create, .run = (function), .destroy = destroy

const block block_impression = {
    .name = "create_impression",
    .what = "make and free an impression with five attributes",
    BUILDER(run_impression),
};
const block block_conversion = {
    .name = "create_conversion",
    .what = "make and free a conversion with five attributes and five tags",
    BUILDER(run_conversion),
};
const block block_attributes_0 = {
    .name = "attributes_0",
    .what = "make and free a conversion without attributes and tags",
    BUILDER(run_attributes),
};
const block block_attributes_5 = {
    .name = "attributes_5",
    .what = "the same with 5 attributes, all strings",
    .size = 5,
    BUILDER(run_attributes),
};
const block block_attributes_50 = {
    .name = "attributes_50",
    .what = "the same with 50 attributes, all strings",
    .size = 50,
    BUILDER(run_attributes),
};
