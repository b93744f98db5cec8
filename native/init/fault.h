// Faults on purpose, for test/fault: only with -DTSRUN_FAULT (build/tsrun-init-fault). The released init has nothing of it, and refuses
// a plan that asks for one.
#ifndef TSRUN_INIT_FAULT_H
#define TSRUN_INIT_FAULT_H

#include <stddef.h>

#ifdef TSRUN_FAULT
/// Takes the fault off the front of the plan: TSRUNFAULT, index of the op, system call of that op (0: the op itself), errno (0: init dies).
const char *fault_take(const char *bytes, size_t *size);
/// Fails the op, or ends init, when it is the one.
void fault_at_op(void);
/// The system call, unless it is the one.
long fault_call(long n, long a, long b, long c, long d, long e, long f);
#else
static inline const char *fault_take(const char *bytes, size_t *size) {
  (void)size;
  return bytes;
}
static inline void fault_at_op(void) {}
#endif

#endif
