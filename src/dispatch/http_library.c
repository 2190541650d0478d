#include "dispatch/http_library.h"

#include <curl/curl.h>
#include <stdatomic.h>

#include "base/error.h"
#include "platform/platform.h"

/* 0: not started; STARTED; else the fork generation that is starting it. */
#define STARTED UINT64_MAX

static _Atomic uint64_t start_state;

/*
 * No mutex, which a fork could leave locked: a child sees by the generation
 * that the thread at work was its parent's, and libcurl in an unknown state.
 */
static optly_status start_once(optly_error *err)
{
    uint64_t self = optly__fork_generation(), state = 0;
    CURLcode code;

    while (!atomic_compare_exchange_weak(&start_state, &state, self)) {
        if (state == STARTED)
            return OPTLY_OK;
        if (state != 0 && state != self)
            return optly__fail(err, OPTLY_ERR_IO,
                               "this process was forked while libcurl was "
                               "starting; it cannot be used here");
        if (state == self)
            optly__thread_yield();
        state = 0;
    }
    code = curl_global_init(CURL_GLOBAL_DEFAULT);
    atomic_store(&start_state, code == CURLE_OK ? STARTED : 0);
    if (code != CURLE_OK)
        return optly__fail(err, OPTLY_ERR_IO, "libcurl does not start: %s",
                           curl_easy_strerror(code));
    return OPTLY_OK;
}

optly_status optly__http_library_start(bool host_owns_it, optly_error *err)
{
    optly_status status = host_owns_it ? OPTLY_OK : start_once(err);
    const curl_version_info_data *about;

    if (status != OPTLY_OK)
        return status;
    about = curl_version_info(CURLVERSION_NOW);
    if ((about->features & CURL_VERSION_SSL) == 0)
        return optly__fail(err, OPTLY_ERR_UNSUPPORTED,
                           "this libcurl has no TLS");
    /* Without it a look-up would stop the driver, and any timeout. */
    if ((about->features & CURL_VERSION_ASYNCHDNS) == 0)
        return optly__fail(err, OPTLY_ERR_UNSUPPORTED,
                           "this libcurl blocks while it resolves names");
    return OPTLY_OK;
}
