#include "fakes/event_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cJSON *event_json_parse(const optly_user_event *event)
{
    const char *text = optly_user_event_json(event);
    cJSON *root = cJSON_ParseWithOpts(text, NULL, true);

    if (root == NULL) {
        (void)fprintf(stderr, "not JSON: %s\n", text);
        abort();
    }
    return root;
}

const cJSON *event_json_at(const cJSON *root, const char *path)
{
    const cJSON *node = root;

    while (node != NULL && *path != '\0') {
        char name[64];
        size_t len = strcspn(path, "/");

        (void)snprintf(name, sizeof(name), "%.*s", (int)len, path);
        node = cJSON_IsArray(node)
                   ? cJSON_GetArrayItem(node, atoi(name))
                   : cJSON_GetObjectItemCaseSensitive(node, name);
        path += len + (path[len] == '/');
    }
    return node;
}

const char *event_json_text(const cJSON *root, const char *path)
{
    static char text[4096];
    const cJSON *node = event_json_at(root, path);

    text[0] = '\0';
    if (node != NULL && !cJSON_PrintPreallocated((cJSON *)(uintptr_t)node, text,
                                                 (int)sizeof(text), false))
        abort();
    return text;
}
