#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int connect_to(uint16_t port)
{
    struct sockaddr_in address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        data += sent;
        len -= (size_t)sent;
    }
    return true;
}

static void receive_all(int fd, answer *out)
{
    size_t len = 0;
    ssize_t got;

    while (len < sizeof(out->text) - 1 &&
           (got = recv(fd, out->text + len, sizeof(out->text) - 1 - len, 0)) !=
               0) {
        if (got < 0) {
            out->was_reset = errno == ECONNRESET;
            break;
        }
        len += (size_t)got;
    }
    out->text[len] = '\0';
    if (strncmp(out->text, "HTTP/1.1 ", 9) == 0)
        out->status = atoi(out->text + 9);
}

const char *answer_body(const answer *a)
{
    const char *end = strstr(a->text, "\r\n\r\n");

    return end != NULL ? end + 4 : "";
}

void client_send(uint16_t port, const char *method, const char *path,
                 const char *headers, const void *body, size_t len, answer *out)
{
    char head[1024];
    int fd = connect_to(port);

    out->status = 0;
    out->was_reset = false;
    out->text[0] = '\0';
    if (fd < 0)
        return;
    snprintf(head, sizeof(head),
             "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
             "Content-Length: %zu\r\n%s\r\n",
             method, path, len, headers);
    if (send_all(fd, head, strlen(head)) && send_all(fd, body, len))
        receive_all(fd, out);
    close(fd);
}

void client_post(uint16_t port, const char *path, const char *json, answer *out)
{
    client_send(port, "POST", path, "Content-Type: application/json\r\n", json,
                strlen(json), out);
}

void client_get(uint16_t port, const char *path, answer *out)
{
    client_send(port, "GET", path, "", "", 0, out);
}
