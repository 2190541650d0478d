#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "platform/waker.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#if defined(__APPLE__)
static bool open_pipe(int fds[2])
{
    if (pipe(fds) != 0)
        return false;
    for (int i = 0; i < 2; i++) {
        (void)fcntl(fds[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(fds[i], F_SETFL, O_NONBLOCK);
    }
    return true;
}
#else
static bool open_pipe(int fds[2])
{
    return pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0;
}
#endif

bool optly__waker_init(optly__waker *waker)
{
    int fds[2] = {-1, -1};
    bool opened = open_pipe(fds);

    waker->read_fd = opened ? fds[0] : -1;
    waker->write_fd = opened ? fds[1] : -1;
    return opened;
}

void optly__waker_cleanup(optly__waker *waker)
{
    (void)close(waker->read_fd);
    (void)close(waker->write_fd);
}

/* A full pipe wakes as well. */
void optly__waker_wake(const optly__waker *waker)
{
    ssize_t written;

    do
        written = write(waker->write_fd, "", 1);
    while (written < 0 && errno == EINTR);
}

void optly__waker_drain(const optly__waker *waker)
{
    char bytes[64];

    while (read(waker->read_fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
        continue;
}
