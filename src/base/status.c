#include <optly/status.h>
#include <optly/version.h>

const char *optly_version(void)
{
    return OPTLY_VERSION_STRING;
}

const char *optly_status_text(optly_status status)
{
    switch (status) {
    case OPTLY_OK:
        return "ok";
    case OPTLY_SKIPPED:
        return "nothing to send";
    case OPTLY_ERR_INVALID:
        return "invalid argument";
    case OPTLY_ERR_NO_MEMORY:
        return "out of memory";
    case OPTLY_ERR_NOT_FOUND:
        return "not found";
    case OPTLY_ERR_PARSE:
        return "cannot be parsed";
    case OPTLY_ERR_QUEUE_FULL:
        return "queue full";
    case OPTLY_ERR_CLOSED:
        return "closed";
    case OPTLY_ERR_TIMEOUT:
        return "time is up";
    case OPTLY_ERR_DROPPED:
        return "events were dropped";
    case OPTLY_ERR_WOULD_DEADLOCK:
        return "would wait for itself";
    case OPTLY_ERR_FORKED:
        return "belongs to the parent process";
    case OPTLY_ERR_IO:
        return "system or transport failure";
    case OPTLY_ERR_UNSUPPORTED:
        return "not supported";
    case OPTLY_ERR_TOO_LARGE:
        return "too large";
    case OPTLY_ERR_NO_ENTROPY:
        return "no random bytes";
    }
    return "unknown status";
}
