#include "faults/http_trouble.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define ALL SIZE_MAX
#define EMPTY "Content-Length: 0\r\n\r\n"
#define STATUS(code) "HTTP/1.1 " code " x\r\n" EMPTY
#define RETRIED(code)                                                          \
    {                                                                          \
        .name = code, .reads = ALL, .answer = STATUS(code),                    \
        .ending = HTTP_KEEP                                                    \
    }
#define MISCONFIGURED(code)                                                    \
    {                                                                          \
        .name = code, .reads = ALL, .answer = STATUS(code),                    \
        .ending = HTTP_KEEP, .is_misconfigured = true                          \
    }
#define REFUSED(code)                                                          \
    {                                                                          \
        .name = code, .reads = ALL, .answer = STATUS(code),                    \
        .ending = HTTP_KEEP, .may_drop = true                                  \
    }
#define BROKEN(what, bytes, text, how)                                         \
    {                                                                          \
        .name = what, .reads = bytes, .answer = text, .ending = how            \
    }
/* The status line came through, and decides. */
#define DELIVERED(what, text, how)                                             \
    {                                                                          \
        .name = what, .reads = ALL, .answer = text, .ending = how,             \
        .is_delivered = true                                                   \
    }
#define SLOW(what, bytes, text, how)                                           \
    {                                                                          \
        .name = what, .reads = bytes, .answer = text, .ending = how,           \
        .slow = true                                                           \
    }
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

const http_trouble http_troubles[] = {
    RETRIED("500"),
    RETRIED("502"),
    RETRIED("503"),
    RETRIED("504"),
    RETRIED("408"),
    RETRIED("425"),
    RETRIED("429"),
    RETRIED("599"),
    RETRIED("600"),
    RETRIED("000"),
    MISCONFIGURED("301"),
    MISCONFIGURED("304"),
    MISCONFIGURED("401"),
    MISCONFIGURED("403"),
    MISCONFIGURED("404"),
    MISCONFIGURED("407"),
    MISCONFIGURED("410"),
    MISCONFIGURED("418"),
    MISCONFIGURED("451"),
    MISCONFIGURED("501"),
    MISCONFIGURED("505"),
    REFUSED("400"),
    REFUSED("413"),
    REFUSED("414"),
    REFUSED("415"),
    REFUSED("422"),
    REFUSED("431"),
    DELIVERED("200", STATUS("200"), HTTP_KEEP),
    DELIVERED("201", STATUS("201"), HTTP_KEEP),
    DELIVERED("202", STATUS("202"), HTTP_KEEP),
    DELIVERED("206", STATUS("206"), HTTP_KEEP),
    DELIVERED("299", STATUS("299"), HTTP_KEEP),
    /* The connection breaks. */
    BROKEN("reset at accept", 0, "", HTTP_RESET),
    BROKEN("reset within the head", 50, "", HTTP_RESET),
    BROKEN("reset within the body", 400, "", HTTP_RESET),
    BROKEN("reset after the request", ALL, "", HTTP_RESET),
    BROKEN("reset within the status line", ALL, "HTTP/1.1 20", HTTP_RESET),
    BROKEN("end at accept", 0, "", HTTP_CLOSE),
    BROKEN("end within the head", 50, "", HTTP_CLOSE),
    BROKEN("end within the body", 400, "", HTTP_CLOSE),
    BROKEN("end after the request", ALL, "", HTTP_CLOSE),
    BROKEN("end within the status line", ALL, "HTTP/1.1 204", HTTP_CLOSE),
    BROKEN("half-closed after the request", ALL, "", HTTP_HALF_CLOSE),
    BROKEN("half-closed within the status line", ALL, "HTTP", HTTP_HALF_CLOSE),
    DELIVERED("closed while idle", STATUS("204"), HTTP_CLOSE),
    DELIVERED("reset while idle", STATUS("204"), HTTP_RESET),
    /* A status line of 2xx, and then no sense. */
    DELIVERED("end within the headers", "HTTP/1.1 204 x\r\nX-A: b\r\n",
              HTTP_CLOSE),
    DELIVERED("too short a body",
              "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", HTTP_CLOSE),
    DELIVERED("too long a body",
              "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcdefghi",
              HTTP_CLOSE),
    DELIVERED("negative length",
              "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", HTTP_CLOSE),
    DELIVERED("a length of 2^63",
              "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n",
              HTTP_CLOSE),
    DELIVERED("a length of 2^64",
              "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n",
              HTTP_CLOSE),
    DELIVERED("two lengths",
              "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
              "Content-Length: 2\r\n\r\na",
              HTTP_CLOSE),
    DELIVERED("a chunk of no size", CHUNKED "zz\r\n", HTTP_CLOSE),
    DELIVERED("a chunk cut off", CHUNKED "10\r\nabc", HTTP_CLOSE),
    DELIVERED("gzip that is none",
              "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
              "Content-Length: 3\r\n\r\nabc",
              HTTP_CLOSE),
    DELIVERED("an encoding that nobody knows",
              "HTTP/1.1 200 OK\r\nContent-Encoding: xyz\r\n"
              "Content-Length: 3\r\n\r\nabc",
              HTTP_CLOSE),
    DELIVERED("a header without a colon",
              "HTTP/1.1 200 OK\r\nnothing\r\n" EMPTY, HTTP_CLOSE),
    DELIVERED("folded headers", "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\n" EMPTY,
              HTTP_CLOSE),
    /* No HTTP. */
    BROKEN("binary", ALL, "\x16\x03\x01\xff\xfe\x01", HTTP_CLOSE),
    BROKEN("HTTP/0.9", ALL, "<html>204</html>", HTTP_CLOSE),
    BROKEN("version 7", ALL, "HTTP/7.1 204 x\r\n\r\n", HTTP_CLOSE),
    BROKEN("one digit", ALL, "HTTP/1.1 2\r\n\r\n", HTTP_CLOSE),
    BROKEN("no number", ALL, "HTTP/1.1 abc x\r\n\r\n", HTTP_CLOSE),
    BROKEN("only 100", ALL, "HTTP/1.1 100 Continue\r\n\r\n", HTTP_CLOSE),
    /* Floods. */
    {.name = "100 x 10,000",
     .reads = ALL,
     .answer = "HTTP/1.1 100 Continue\r\n\r\n",
     .times = 10000,
     .ending = HTTP_CLOSE},
    {.name = "103 x 10,000",
     .reads = ALL,
     .answer = "HTTP/1.1 103 Hints\r\nX-A: b\r\n\r\n",
     .times = 10000,
     .ending = HTTP_CLOSE},
    {.name = "endless headers",
     .reads = ALL,
     .answer = "HTTP/1.1 200 OK\r\n",
     .ending = HTTP_FLOOD,
     .flood = "X-A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n",
     .is_delivered = true},
    {.name = "a header without an end",
     .reads = ALL,
     .answer = "HTTP/1.1 200 OK\r\nX-A: ",
     .ending = HTTP_FLOOD,
     .flood = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
     .is_delivered = true},
    {.name = "an endless body",
     .reads = ALL,
     .answer = "HTTP/1.1 200 OK\r\n\r\n",
     .ending = HTTP_FLOOD,
     .flood = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
     .is_delivered = true},
    {.name = "endless chunks",
     .reads = ALL,
     .answer = CHUNKED,
     .ending = HTTP_FLOOD,
     .flood = "20\r\nbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n",
     .is_delivered = true},
    {.name = "an endless status line",
     .reads = ALL,
     .answer = "",
     .ending = HTTP_FLOOD,
     .flood = "HTTP/1.1 204 HTTP/1.1 204 HTTP/1.1 204 HTTP/1.1 204"},
    /* Until time is up. */
    SLOW("never reads", 0, "", HTTP_HOLD),
    SLOW("never answers", ALL, "", HTTP_HOLD),
    SLOW("half a status line", ALL, "HTTP/1.1 20", HTTP_HOLD),
    SLOW("drips its status line", ALL, "HTTP/1.1 ", HTTP_DRIP),
    SLOW("drips an error", ALL, "HTTP/1.1 500 x\r\n\r\n", HTTP_DRIP),
    {.name = "drips its body",
     .reads = ALL,
     .answer = "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n",
     .ending = HTTP_DRIP,
     .slow = true,
     .is_delivered = true},
};

const size_t http_trouble_count =
    sizeof(http_troubles) / sizeof(http_troubles[0]);

/* Takes the request as far as the trouble reads it. */
static bool take(raw_connection *connection, const http_trouble *trouble)
{
    http_way *way = connection->user;
    raw_request request;

    if (trouble->reads == ALL) {
        if (!http_way_take(connection, &request))
            return false;
        if (trouble->is_delivered)
            uuid_ledger_acknowledge(way->ledger, request.body);
        raw_request_free(&request);
        return true;
    }
    for (size_t i = 0; i < trouble->reads; i++) {
        char byte;

        if (!raw_receive(connection, &byte, 1))
            return false;
    }
    return true;
}

static bool end(raw_connection *connection, const http_trouble *trouble)
{
    switch (trouble->ending) {
    case HTTP_KEEP:
        return true;
    case HTTP_CLOSE:
        break;
    case HTTP_RESET:
        raw_reset(connection);
        break;
    case HTTP_HALF_CLOSE:
        (void)shutdown(connection->fd, SHUT_WR);
        raw_hold(connection);
        break;
    case HTTP_HOLD:
        if (trouble->reads == 0)
            (void)raw_pause(connection, 500);
        else
            raw_hold(connection);
        break;
    case HTTP_DRIP:
        while (raw_pause(connection, 20) && raw_send(connection, "2"))
            ;
        break;
    case HTTP_FLOOD:
        while (raw_send(connection, trouble->flood))
            ;
        break;
    }
    return false;
}

bool http_trouble_play(raw_connection *connection, const http_trouble *trouble)
{
    size_t times = trouble->times > 0 ? trouble->times : 1;

    if (!take(connection, trouble))
        return false;
    for (size_t i = 0; i < times; i++) {
        if (!raw_send(connection, trouble->answer))
            return false;
    }
    return end(connection, trouble);
}
