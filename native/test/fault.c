// The test build of tsrun-init: one op, or one system call of an op, fails or is the last that init does (native/init/fault.h).
#include "../init/fault.h"

#include "../init/init.h"

static const char MAGIC[] = "TSRUNFAULT";
enum { SIGKILL_ = 9 };

static struct {
  uint32_t op;
  uint64_t call, error;
  /// Who began the op: a hook's process is not init.
  long pid;
  int armed;
} fault;

static long own_pid(void) {
  return sys6(__NR_getpid, 0, 0, 0, 0, 0, 0);
}

const char *fault_take(const char *bytes, size_t *size) {
  if (*size < sizeof MAGIC || memcmp(bytes, MAGIC, sizeof MAGIC) != 0) return bytes;
  const char *op = bytes + sizeof MAGIC, *call = next_item(op), *error = next_item(call), *plan = next_item(error);
  fault.op = (uint32_t)item_number(op);
  fault.call = item_number(call);
  fault.error = item_number(error);
  fault.armed = 1;
  *size -= (size_t)(plan - bytes);
  return plan;
}

/// The first process of a pid namespace cannot be killed from inside; an instruction that is none ends it all the same.
static _Noreturn void die(void) {
  sys6(__NR_kill, own_pid(), SIGKILL_, 0, 0, 0, 0);
  __builtin_trap();
}

void fault_at_op(void) {
  fault.pid = own_pid();
  // The op has fewer system calls than that.
  if (fault.armed && fault.call && self.op > fault.op) fail(SC_none, -EOVERFLOW);
  if (!fault.armed || fault.call || fault.op != self.op) return;
  fault.armed = 0;
  if (!fault.error) die();
  fail(SC_none, -(long)fault.error);
}

long fault_call(long n, long a, long b, long c, long d, long e, long f) {
  // Neither can fail: nothing comes after the end, and a close that is not made has no like.
  int can_fail = n != __NR_exit_group && n != __NR_close;
  if (fault.armed && fault.call && fault.op == self.op && can_fail && fault.pid == own_pid() && --fault.call == 0) {
    fault.armed = 0;
    if (!fault.error) die();
    return -(long)fault.error;
  }
  return sys6(n, a, b, c, d, e, f);
}
