/* What an answer means, for check_troubles: "curl 6 retry", "http 204 ...". */
#include <curl/curl.h>
#include <stdio.h>

#include "dispatch/http_response.h"
#include "dispatch/http_transfer.h"

static const char *name_of(optly_outcome outcome)
{
    switch (outcome) {
    case OPTLY_DELIVERED:
        return "delivered";
    case OPTLY_RETRY:
        return "retry";
    case OPTLY_REFUSED:
        return "refused";
    case OPTLY_MISCONFIGURED:
        return "misconfigured";
    default:
        return "?";
    }
}

int main(void)
{
    for (int code = 1; code < CURL_LAST; code++)
        printf("curl %d %s\n", code, name_of(optly__http_code_outcome(code)));
    for (long status = 100; status < 700; status++)
        printf("http %ld %s\n", status,
               name_of(optly__http_status_outcome(status)));
    return 0;
}
