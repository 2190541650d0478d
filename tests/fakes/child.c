#include "fakes/child.h"

#include <stddef.h>
#include <unistd.h>

_Noreturn void fake_leave_child(int code)
{
    if (code == 0)
        (void)execl("/bin/sh", "sh", "-c", ":", (char *)NULL);
    _exit(code);
}
