#include "fakes/process.h"

#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/platform.h"

enum { PATIENCE_MS = 10000 };

uint32_t fake_rounds(const char *name, uint32_t fallback)
{
    const char *text = getenv(name);
    long rounds = text != NULL ? strtol(text, NULL, 10) : 0;

    return rounds > 0 ? (uint32_t)rounds : fallback;
}

static void *do_nothing(void *user)
{
    return user;
}

int process_warm_up(void **state)
{
    pthread_t first;

    (void)state;
    if (pthread_create(&first, NULL, do_nothing, NULL) != 0)
        return -1;
    return pthread_join(first, NULL);
}

static int count_entries(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    int count = 0;

    if (directory == NULL)
        abort();
    while ((entry = readdir(directory)) != NULL)
        count += entry->d_name[0] != '.';
    (void)closedir(directory);
    return count;
}

int process_threads(void)
{
    return count_entries("/proc/self/task");
}

bool process_threads_fall_to(int count)
{
    int64_t until = optly__monotonic_ms() + PATIENCE_MS;

    while (process_threads() > count && optly__monotonic_ms() < until)
        ;
    return process_threads() <= count;
}

int process_descriptors(void)
{
    return count_entries("/proc/self/fd") - 1; /* the folder's own */
}

size_t process_resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    size_t all, resident;

    if (file == NULL || fscanf(file, "%zu %zu", &all, &resident) != 2)
        abort();
    (void)fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

bool process_memory_is_watched(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return true;
#endif
#endif
    return getenv("OPTLY_MEMORY_IS_WATCHED") != NULL;
}

bool process_malloc_survives_fork(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false; /* clang defines neither */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return false;
#endif
#endif
    return true;
}

bool process_threads_survive_fork(void)
{
#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
    return false;
#else
    return getenv("OPTLY_EMULATED") == NULL;
#endif
}

uint32_t process_slowness(void)
{
    return fake_rounds("OPTLY_EMULATED", 1);
}

int64_t process_starved_us(void)
{
    char path[64];
    int64_t ran, starved = 0;
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/self/task/%ld/schedstat",
                   (long)syscall(SYS_gettid));
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%" SCNd64 " %" SCNd64, &ran, &starved) != 2)
        starved = 0;
    (void)fclose(file);
    return starved / 1000;
}
