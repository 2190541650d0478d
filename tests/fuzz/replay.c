/*
 * The main function of a target that is not linked with libFuzzer: runs every
 * file of the folders (or files) given, twice, and checks that both executions
 * did the same.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

static uint64_t run(const uint8_t *data, size_t size)
{
    /* A copy of just its size, as libFuzzer makes one. */
    uint8_t *copy = malloc(size > 0 ? size : 1);

    FUZZ_CHECK(copy != NULL);
    memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    return fuzz_take_digest();
}

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    uint8_t *data;
    uint64_t first;
    size_t size;

    FUZZ_CHECK(file != NULL && fstat(fileno(file), &info) == 0);
    size = (size_t)info.st_size;
    data = malloc(size + 1);
    FUZZ_CHECK(data != NULL && fread(data, 1, size, file) == size);
    (void)fclose(file);
    (void)printf("%s\n", path);
    (void)fflush(stdout); /* to tell which one it was */
    first = run(data, size);
    if (run(data, size) != first) {
        (void)fprintf(stderr, "the second execution differs: %s\n", path);
        abort();
    }
    free(data);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In the order of their names, so that each run is the same. */
static size_t replay_folder(const char *folder, DIR *open)
{
    char **names = NULL;
    size_t count = 0;
    const struct dirent *entry;

    while ((entry = readdir(open)) != NULL) {
        char **grown;

        if (entry->d_name[0] == '.')
            continue;
        grown = realloc(names, (count + 1) * sizeof(*names));
        FUZZ_CHECK(grown != NULL);
        names = grown;
        names[count] = strdup(entry->d_name);
        FUZZ_CHECK(names[count] != NULL);
        count++;
    }
    if (count > 0)
        qsort(names, count, sizeof(*names), compare_names);
    for (size_t i = 0; i < count; i++) {
        char path[4096];

        (void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        replay_file(path);
        free(names[i]);
    }
    free(names);
    return count;
}

int main(int argc, char **argv)
{
    size_t files = 0;

    for (int i = 1; i < argc; i++) {
        DIR *open = opendir(argv[i]);

        if (open == NULL) {
            replay_file(argv[i]);
            files++;
        } else {
            files += replay_folder(argv[i], open);
            (void)closedir(open);
        }
    }
    (void)printf("%zu inputs\n", files);
    return files > 0 ? 0 : 1; /* no corpus, no test */
}
