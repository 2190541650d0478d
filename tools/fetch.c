/* Gets a URL and prints what came: the demo needs no curl program. */
#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct text {
    char *data;
    size_t len;
} text;

static size_t append(char *data, size_t size, size_t count, void *user)
{
    text *out = user;
    char *grown = realloc(out->data, out->len + size * count + 1);

    if (grown == NULL)
        return 0; /* ends the transfer with an error */
    memcpy(grown + out->len, data, size * count);
    out->data = grown;
    out->len += size * count;
    out->data[out->len] = '\0';
    return size * count;
}

static bool get(const char *url, text *out)
{
    CURL *easy = curl_easy_init();
    CURLcode code;

    if (easy == NULL)
        return false;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, 60L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, out);
    code = curl_easy_perform(easy);
    curl_easy_cleanup(easy);
    if (code != CURLE_OK)
        fprintf(stderr, "fetch: %s: %s\n", url, curl_easy_strerror(code));
    return code == CURLE_OK;
}

static bool print_pretty(const char *json)
{
    cJSON *root = cJSON_Parse(json);
    char *pretty = root != NULL ? cJSON_Print(root) : NULL;

    cJSON_Delete(root);
    if (pretty == NULL)
        return false;
    puts(pretty);
    cJSON_free(pretty);
    return true;
}

int main(int argc, char **argv)
{
    bool pretty = argc == 3 && strcmp(argv[1], "--pretty") == 0;
    text body = {NULL, 0};
    bool good;

    if (argc != 2 && !pretty) {
        fputs("usage: fetch [--pretty] URL\n", stderr);
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    good = get(argv[argc - 1], &body);
    if (good && pretty)
        good = body.data != NULL && print_pretty(body.data);
    else if (good && body.data != NULL)
        fputs(body.data, stdout);
    free(body.data);
    curl_global_cleanup();
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
