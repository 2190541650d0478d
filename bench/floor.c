/*
 * The least that the job can cost, as a yardstick: a deep copy of the event
 * into a slot, a ring of slots, JSON written by hand, libcurl with one request
 * under way. It knows its one event by heart. No checks of anything, no
 * configuration, no retries, no callbacks, no accounts: not a product.
 *
 *   floor create EVENTS            copies alone
 *   floor pipeline EVENTS BATCH PRODUCERS [URL]
 *
 * The output means what that of caller and pipeline means.
 */
#include "bench.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

enum { SLOTS = 2048, FIELDS = 5, IDS = 7, MOST_PRODUCERS = 64 };
enum { EVENT_ROOM = 2048, DATA_SIZE = 768, UUID_LEN = 36, RANDOM_SIZE = 4096 };

typedef struct text {
    const char *at;
    size_t len;
} text;

#define TEXT(literal)                                                          \
    {                                                                          \
        literal, sizeof(literal) - 1                                           \
    }

typedef enum kind { STRING, INTEGER, NUMBER, BOOLEAN } kind;

typedef struct field {
    text key, entity_id, string;
    kind kind;
    int64_t integer;
    double number;
} field;

typedef struct event {
    field attributes[FIELDS], tags[FIELDS];
    /* Of an impression: variation, campaign, experiment, flag, rule, rule's
     * type, variation's key. Of a conversion: entity and key. */
    text ids[IDS];
    text visitor;
    bool is_impression;
    int64_t timestamp_ms;
    char uuid[UUID_LEN];
} event;

typedef struct slot {
    event event;
    char data[DATA_SIZE]; /* its strings */
} slot;

/* Sorted as they are sent, so the floor need not sort. */
#define ATTRIBUTES                                                             \
    {                                                                          \
        {TEXT("device"), TEXT("20502650105"), TEXT("iphone"), STRING, 0, 0},   \
            {TEXT("plan"),                                                     \
             TEXT("20502650106"),                                              \
             TEXT("premium-annual"),                                           \
             STRING,                                                           \
             0,                                                                \
             0},                                                               \
            {TEXT("age"), TEXT("20502650107"), TEXT(""), INTEGER, 42, 0},      \
            {TEXT("score"), TEXT("20502650108"), TEXT(""), NUMBER, 0, 3.25},   \
            {TEXT("beta"), TEXT("20502650109"), TEXT(""), BOOLEAN, 1, 0},      \
    }

static const event impression = {
    .attributes = ATTRIBUTES,
    .ids = {TEXT("20485470101"), TEXT("20501850044"), TEXT("20470930091"),
            TEXT("checkout_button"), TEXT("checkout_button_colour"),
            TEXT("feature-test"), TEXT("control")},
    .is_impression = true,
};
static const event conversion = {
    .attributes = ATTRIBUTES,
    .tags = {{TEXT("category"), TEXT(""), TEXT("shoes"), STRING, 0, 0},
             {TEXT("qty"), TEXT(""), TEXT(""), INTEGER, 2, 0},
             {TEXT("revenue"), TEXT(""), TEXT(""), INTEGER, 4200, 0},
             {TEXT("sku"), TEXT(""), TEXT("A-1234"), STRING, 0, 0},
             {TEXT("value"), TEXT(""), TEXT(""), NUMBER, 0, 13.37}},
    .ids = {TEXT("20458760147"), TEXT("purchase")},
};

static struct {
    long events, producers;
    size_t batch;
    CURL *curl; /* NULL: bodies go nowhere */

    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t filled, freed;
    uint32_t free[SLOTS], ready[SLOTS];
    size_t free_count, ready_first, ready_count;
    bool sleeps, closing;
} pipe_ = {.lock = PTHREAD_MUTEX_INITIALIZER,
           .filled = PTHREAD_COND_INITIALIZER,
           .freed = PTHREAD_COND_INITIALIZER};

static slot slots[SLOTS];

/* Making an event. */

static void write_uuid(char *to)
{
    static const char digits[] = "0123456789abcdef";
    static _Thread_local unsigned char random[RANDOM_SIZE];
    static _Thread_local size_t used = RANDOM_SIZE;
    unsigned char *bytes;

    if (used == RANDOM_SIZE) {
        for (size_t at = 0; at < RANDOM_SIZE; at += 256)
            (void)!getrandom(random + at, 256, 0);
        used = 0;
    }
    bytes = random + used;
    used += 16;
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    for (int i = 0; i < 16; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
        if (i == 3 || i == 5 || i == 7 || i == 9)
            *to++ = '-';
    }
}

static char *copy_text(char *data, text *to)
{
    memcpy(data, to->at, to->len);
    to->at = data;
    return data + to->len;
}

static char *copy_fields(char *data, field *fields)
{
    for (int i = 0; i < FIELDS; i++) {
        data = copy_text(data, &fields[i].key);
        data = copy_text(data, &fields[i].entity_id);
        data = copy_text(data, &fields[i].string);
    }
    return data;
}

static void create(slot *to, long i)
{
    struct timespec now;
    event *made = &to->event;
    char *data;

    *made = i % 2 == 0 ? impression : conversion;
    made->visitor.at = bench_visitor(i);
    made->visitor.len = strlen(made->visitor.at);
    data = copy_fields(to->data, made->attributes);
    if (!made->is_impression)
        data = copy_fields(data, made->tags);
    for (int id = 0; id < IDS; id++)
        data = copy_text(data, &made->ids[id]);
    (void)copy_text(data, &made->visitor);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    made->timestamp_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    write_uuid(made->uuid);
}

/* Writing JSON. */

#define WRITE(to, literal)                                                     \
    (memcpy(to, literal, sizeof(literal) - 1), (to) + sizeof(literal) - 1)

static char *write_bytes(char *to, const char *from, size_t len)
{
    memcpy(to, from, len);
    return to + len;
}

static char *write_string(char *to, text string)
{
    *to++ = '"';
    for (size_t i = 0; i < string.len; i++) {
        unsigned char byte = (unsigned char)string.at[i];

        if (byte < 0x20 || byte == '"' || byte == '\\')
            to += sprintf(to, "\\u%04x", byte);
        else
            *to++ = (char)byte;
    }
    *to++ = '"';
    return to;
}

static char *write_integer(char *to, int64_t value)
{
    char digits[24];
    size_t at = sizeof(digits);
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0)
        digits[--at] = '-';
    return write_bytes(to, digits + at, sizeof(digits) - at);
}

/* Only numbers of up to two decimals. */
static char *write_number(char *to, double value)
{
    int64_t hundredths = (int64_t)(value * 100 + 0.5);

    to = write_integer(to, hundredths / 100);
    *to++ = '.';
    *to++ = (char)('0' + hundredths / 10 % 10);
    if (hundredths % 10 > 0)
        *to++ = (char)('0' + hundredths % 10);
    return to;
}

static char *write_value(char *to, const field *from)
{
    switch (from->kind) {
    case STRING:
        return write_string(to, from->string);
    case INTEGER:
        return write_integer(to, from->integer);
    case NUMBER:
        return write_number(to, from->number);
    default:
        return from->integer ? WRITE(to, "true") : WRITE(to, "false");
    }
}

static char *write_attributes(char *to, const field *attributes)
{
    to = WRITE(to, "{\"attributes\":[");
    for (int i = 0; i < FIELDS; i++) {
        to = WRITE(to, "{\"value\":");
        to = write_value(to, &attributes[i]);
        to = WRITE(to, ",\"key\":");
        to = write_string(to, attributes[i].key);
        to = WRITE(to, ",\"type\":\"custom\",\"entity_id\":");
        to = write_string(to, attributes[i].entity_id);
        to = WRITE(to, "},");
    }
    return WRITE(to, "{\"value\":true,\"key\":\"$opt_bot_filtering\",\"type\":"
                     "\"custom\",\"entity_id\":\"$opt_bot_filtering\"}],");
}

static char *write_decision(char *to, const text *ids)
{
    to = WRITE(to, "\"decisions\":[{\"variation_id\":");
    to = write_string(to, ids[0]);
    to = WRITE(to, ",\"campaign_id\":");
    to = write_string(to, ids[1]);
    to = WRITE(to, ",\"experiment_id\":");
    to = write_string(to, ids[2]);
    to = WRITE(to, ",\"metadata\":{\"flag_key\":");
    to = write_string(to, ids[3]);
    to = WRITE(to, ",\"rule_key\":");
    to = write_string(to, ids[4]);
    to = WRITE(to, ",\"rule_type\":");
    to = write_string(to, ids[5]);
    to = WRITE(to, ",\"variation_key\":");
    to = write_string(to, ids[6]);
    return WRITE(to, ",\"enabled\":true}}],");
}

static char *write_tags(char *to, const field *tags)
{
    to = WRITE(to, ",\"tags\":{");
    for (int i = 0; i < FIELDS; i++) {
        to = write_string(to, tags[i].key);
        *to++ = ':';
        to = write_value(to, &tags[i]);
        *to++ = i + 1 < FIELDS ? ',' : '}';
    }
    to = WRITE(to, ",\"revenue\":");
    to = write_value(to, &tags[2]);
    to = WRITE(to, ",\"value\":");
    return write_value(to, &tags[4]);
}

static char *write_visitor(char *to, const event *from)
{
    const text campaign = TEXT("campaign_activated");

    to = write_attributes(to, from->attributes);
    to = WRITE(to, "\"snapshots\":[{");
    if (from->is_impression)
        to = write_decision(to, from->ids);
    to = WRITE(to, "\"events\":[{\"entity_id\":");
    to = write_string(to, from->ids[from->is_impression]);
    to = WRITE(to, ",\"key\":");
    to = write_string(to, from->is_impression ? campaign : from->ids[1]);
    to = WRITE(to, ",\"timestamp\":");
    to = write_integer(to, from->timestamp_ms);
    to = WRITE(to, ",\"uuid\":\"");
    to = write_bytes(to, from->uuid, UUID_LEN);
    *to++ = '"';
    if (!from->is_impression)
        to = write_tags(to, from->tags);
    to = WRITE(to, "}]}],\"visitor_id\":");
    to = write_string(to, from->visitor);
    *to++ = '}';
    return to;
}

static size_t write_body(char *body, const uint32_t *indices, size_t count)
{
    char *to =
        WRITE(body, "{\"revision\":\"613\",\"account_id\":\"12001234567\","
                    "\"client_version\":\"1.0.0\",\"visitors\":[");

    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *to++ = ',';
        to = write_visitor(to, &slots[indices[i]].event);
    }
    to = WRITE(to, "],\"project_id\":\"20481130042\",\"client_name\":\"floor\","
                   "\"anonymize_ip\":true,\"enrich_decisions\":true,"
                   "\"region\":\"US\"}");
    return (size_t)(to - body);
}

/* The ring and its two sides. */

static uint32_t take_free(void)
{
    uint32_t index;

    (void)pthread_mutex_lock(&pipe_.lock);
    while (pipe_.free_count == 0)
        (void)pthread_cond_wait(&pipe_.freed, &pipe_.lock);
    index = pipe_.free[--pipe_.free_count];
    (void)pthread_mutex_unlock(&pipe_.lock);
    return index;
}

static void put_ready(uint32_t index)
{
    (void)pthread_mutex_lock(&pipe_.lock);
    pipe_.ready[(pipe_.ready_first + pipe_.ready_count++) % SLOTS] = index;
    if (pipe_.sleeps && pipe_.ready_count >= pipe_.batch) {
        pipe_.sleeps = false;
        (void)pthread_cond_signal(&pipe_.filled);
    }
    (void)pthread_mutex_unlock(&pipe_.lock);
}

static void *produce(void *arg)
{
    long count = pipe_.events / pipe_.producers;

    for (long i = 0; i < count; i++) {
        uint32_t index = take_free();

        create(&slots[index], i);
        put_ready(index);
    }
    *(double *)arg = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    return NULL;
}

/* Waits for a batch; 0: closing, and nothing is left. */
static size_t take_batch(uint32_t *indices)
{
    size_t count;

    (void)pthread_mutex_lock(&pipe_.lock);
    while (pipe_.ready_count < pipe_.batch && !pipe_.closing) {
        pipe_.sleeps = true;
        (void)pthread_cond_wait(&pipe_.filled, &pipe_.lock);
    }
    pipe_.sleeps = false;
    count = pipe_.ready_count < pipe_.batch ? pipe_.ready_count : pipe_.batch;
    for (size_t i = 0; i < count; i++)
        indices[i] = pipe_.ready[(pipe_.ready_first + i) % SLOTS];
    pipe_.ready_first = (pipe_.ready_first + count) % SLOTS;
    pipe_.ready_count -= count;
    (void)pthread_mutex_unlock(&pipe_.lock);
    return count;
}

static void give_back(const uint32_t *indices, size_t count)
{
    (void)pthread_mutex_lock(&pipe_.lock);
    memcpy(pipe_.free + pipe_.free_count, indices, count * sizeof(*indices));
    pipe_.free_count += count;
    (void)pthread_cond_broadcast(&pipe_.freed);
    (void)pthread_mutex_unlock(&pipe_.lock);
}

static void send_body(const char *body, size_t len)
{
    if (pipe_.curl == NULL)
        return;
    (void)curl_easy_setopt(pipe_.curl, CURLOPT_POSTFIELDS, body);
    (void)curl_easy_setopt(pipe_.curl, CURLOPT_POSTFIELDSIZE_LARGE,
                           (curl_off_t)len);
    if (curl_easy_perform(pipe_.curl) != CURLE_OK)
        bench_die("the sink does not answer");
}

static void *consume(void *arg)
{
    uint32_t indices[SLOTS];
    char *body = malloc((pipe_.batch + 1) * EVENT_ROOM);
    size_t count;

    if (body == NULL)
        bench_die("out of memory");
    while ((count = take_batch(indices)) > 0) {
        size_t len = write_body(body, indices, count);

        give_back(indices, count);
        send_body(body, len);
    }
    free(body);
    return arg;
}

static void close_pipe(pthread_t consumer)
{
    (void)pthread_mutex_lock(&pipe_.lock);
    pipe_.closing = true;
    (void)pthread_cond_signal(&pipe_.filled);
    (void)pthread_mutex_unlock(&pipe_.lock);
    (void)pthread_join(consumer, NULL);
}

static void measure_pipeline(void)
{
    double wall = bench_seconds(CLOCK_MONOTONIC), cpu = bench_cpu();
    double caller[MOST_PRODUCERS], sum = 0, calls, count;
    pthread_t producers[MOST_PRODUCERS], consumer;

    if (pthread_create(&consumer, NULL, consume, NULL) != 0)
        bench_die("cannot start a thread");
    for (long i = 0; i < pipe_.producers; i++) {
        if (pthread_create(&producers[i], NULL, produce, &caller[i]) != 0)
            bench_die("cannot start a thread");
    }
    for (long i = 0; i < pipe_.producers; i++) {
        (void)pthread_join(producers[i], NULL);
        sum += caller[i];
    }
    calls = bench_seconds(CLOCK_MONOTONIC) - wall;
    close_pipe(consumer);
    wall = bench_seconds(CLOCK_MONOTONIC) - wall;
    cpu = bench_cpu() - cpu;
    count = (double)(pipe_.events / pipe_.producers * pipe_.producers);
    bench_print("delivered", count);
    bench_print("wall_s", wall);
    bench_print("cpu_ns", cpu * 1e9 / count);
    bench_print("caller_ns", sum * 1e9 / count);
    bench_print("calls_per_s", count / calls);
}

static void measure_create(long count)
{
    double start;

    bench_park_thread();
    start = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    for (long i = 0; i < count; i++)
        create(&slots[i % 64], i);
    start = bench_seconds(CLOCK_THREAD_CPUTIME_ID) - start;
    bench_print("create_mixed_ns", start * 1e9 / (double)count);
}

static size_t drop_answer(char *bytes, size_t size, size_t count, void *user)
{
    (void)bytes;
    (void)user;
    return size * count;
}

static CURL *open_curl(const char *url)
{
    static struct curl_slist *headers;
    CURL *curl;

    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    curl = curl_easy_init();
    headers = curl_slist_append(headers, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Expect:");
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_answer);
    return curl;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        bench_die("see the top of floor.c");
    bench_make_visitors();
    pipe_.events = bench_number(argv[2]);
    if (strcmp(argv[1], "create") == 0) {
        measure_create(pipe_.events);
        return 0;
    }
    if (argc < 5)
        bench_die("see the top of floor.c");
    pipe_.batch = (size_t)bench_number(argv[3]);
    pipe_.producers = bench_number(argv[4]);
    if (pipe_.batch > SLOTS / 2 || pipe_.producers > MOST_PRODUCERS)
        bench_die("at most 1,024 events a batch, and 64 producers");
    if (argc > 5)
        pipe_.curl = open_curl(argv[5]);
    for (uint32_t i = 0; i < SLOTS; i++)
        pipe_.free[pipe_.free_count++] = i;
    measure_pipeline();
    return 0;
}
