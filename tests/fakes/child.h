/* Ends of forked children. */
#ifndef OPTLY_FAKES_CHILD_H
#define OPTLY_FAKES_CHILD_H

/*
 * Ends a forked child. What a lock of the parent's guarded is leaked in it, as
 * is promised; a good child becomes another program, so that a leak check does
 * not count that.
 */
_Noreturn void fake_leave_child(int code);

#endif
