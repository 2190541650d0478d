/*
 * dlopen_host LIBRARY TIMES [http]: loads the library, has it deliver an event
 * (with `http`: makes an HTTP dispatcher, too), closes everything and unloads
 * it, over and over. Afterwards nothing of it is mapped, and threads,
 * descriptors and memory are what they were.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <optly/event.h>

/* The library's functions that are needed, by their names. */
#define FUNCTIONS(use)                                                         \
    use(optly_project_create) use(optly_project_destroy)                       \
        use(optly_create_impression) use(optly_function_dispatcher_create)     \
            use(optly_http_dispatcher_create) use(optly_dispatcher_destroy)    \
                use(optly_processor_create) use(optly_processor_start)         \
                    use(optly_process_event) use(optly_processor_close)        \
                        use(optly_processor_destroy)

#define DECLARE(name) static __typeof__(&name) load_##name;
FUNCTIONS(DECLARE)

static void require(bool truth, const char *what)
{
    if (truth)
        return;
    (void)fprintf(stderr, "dlopen_host: %s\n", what);
    exit(1);
}

static void *load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    require(library != NULL, dlerror());
#define LOAD(name)                                                             \
    *(void **)&load_##name = dlsym(library, #name);                            \
    require(load_##name != NULL, #name);
    FUNCTIONS(LOAD)
    return library;
}

static optly_outcome deliver(const optly_log_event *event,
                             optly_dispatch_result *result, void *user)
{
    (void)result;
    *(unsigned *)user += event->event_count;
    return OPTLY_DELIVERED;
}

static optly_project *make_project(void)
{
    optly_project_config config = optly_project_config_default();
    optly_project *project = NULL;

    config.project_id = "p";
    config.account_id = "a";
    config.revision = "1";
    config.send_flag_decisions = true;
    require(load_optly_project_create(&project, &config, NULL) == OPTLY_OK,
            "no project");
    return project;
}

static void use(bool http)
{
    optly_processor_config config = optly_processor_config_default();
    optly_impression impression = optly_impression_default();
    const optly_user user = {"v", NULL, 0};
    optly_project *project = make_project();
    optly_processor *processor = NULL;
    optly_dispatcher dispatcher;
    optly_user_event *event = NULL;
    unsigned delivered = 0;

    if (http) {
        require(load_optly_http_dispatcher_create(&dispatcher, NULL, NULL) ==
                    OPTLY_OK,
                "no HTTP dispatcher");
        load_optly_dispatcher_destroy(&dispatcher);
    }
    require(load_optly_function_dispatcher_create(
                &config.dispatcher, deliver, &delivered, NULL) == OPTLY_OK &&
                load_optly_processor_create(&processor, &config, NULL) ==
                    OPTLY_OK &&
                load_optly_processor_start(processor) == OPTLY_OK,
            "no processor");
    require(load_optly_create_impression(&event, project, &user, &impression,
                                         NULL) == OPTLY_OK &&
                load_optly_process_event(processor, event) == OPTLY_OK &&
                load_optly_processor_close(processor, 10000, NULL) ==
                    OPTLY_OK &&
                delivered == 1,
            "not delivered");
    load_optly_processor_destroy(processor);
    load_optly_project_destroy(project);
}

static int count_entries(const char *path)
{
    DIR *directory = opendir(path);
    int count = 0;

    require(directory != NULL, path);
    while (readdir(directory) != NULL)
        count++;
    (void)closedir(directory);
    return count;
}

/* How many lines of the process's map hold `text`. */
static int count_mapped(const char *text)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[1024];
    int count = 0;

    require(maps != NULL, "no maps");
    while (fgets(line, sizeof(line), maps) != NULL)
        count += strstr(line, text) != NULL;
    (void)fclose(maps);
    return count;
}

static long resident_kib(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long all, resident;

    require(file != NULL && fscanf(file, "%ld %ld", &all, &resident) == 2,
            "no statm");
    (void)fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void load_and_use(const char *path, bool http)
{
    void *library = load(path);

    use(http);
    require(dlclose(library) == 0, "not closed");
    require(count_mapped("liboptly_event") == 0, "it is still mapped");
}

int main(int argc, char **argv)
{
    bool http = argc == 4 && strcmp(argv[3], "http") == 0;
    long times, memory;
    int threads, descriptors, maps;

    require(argc >= 3, "usage: dlopen_host LIBRARY TIMES [http]");
    times = strtol(argv[2], NULL, 10);
    for (int i = 0; i < 10; i++) /* what others keep is there after it */
        load_and_use(argv[1], http);
    threads = count_entries("/proc/self/task");
    descriptors = count_entries("/proc/self/fd");
    maps = count_mapped("");
    memory = resident_kib();
    for (long i = 0; i < times; i++)
        load_and_use(argv[1], http);
    printf("%ld times; KiB: %ld, then %ld; mappings: %d, then %d\n", times,
           memory, resident_kib(), maps, count_mapped(""));
    require(count_entries("/proc/self/task") <= threads, "threads are left");
    require(count_entries("/proc/self/fd") == descriptors,
            "descriptors are left");
    require(count_mapped("") <= maps + 2, "mappings are left");
    /* libcurl is not ended by the library, and forgets what it had. */
    require(http || resident_kib() <= memory + 256, "memory is left");
    return 0;
}
