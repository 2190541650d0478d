/* Prints counters as text, with labels that need care: see check_format. */
#include <stdio.h>

#include <optly/event.h>

int main(void)
{
    static const optly_label labels[] = {
        {"host", "a\\b \"c\"\nd"}, {"Stra_e9", "\xC3\x9F\xFF{}"}, {NULL, NULL}};
    static char text[16 * 1024];
    optly_stats stats = optly_stats_default();

    stats.attempted = UINT64_MAX;
    for (int i = 0; i < OPTLY_REASON_SLOTS; i++)
        stats.rejected[i] = stats.dropped[i] = (uint64_t)i;
    if (optly_stats_prometheus(text, sizeof(text), &stats, labels) < 0)
        return 1;
    return fputs(text, stdout) == EOF;
}
