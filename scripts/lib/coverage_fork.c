/* For scripts/coverage: a forked child counts what it does itself, and writes
 * it however it ends. */
#include <sys/types.h>

void __gcov_dump(void);
void __gcov_reset(void);
pid_t __real_fork(void);
pid_t __wrap_fork(void);
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
_Noreturn void __wrap_fake_leave_child(int code);

pid_t __wrap_fork(void)
{
    pid_t child = __real_fork();

    if (child == 0)
        __gcov_reset();
    return child;
}

void __wrap__exit(int status)
{
    __gcov_dump();
    __real__exit(status);
}

void __wrap_fake_leave_child(int code)
{
    __wrap__exit(code);
}
