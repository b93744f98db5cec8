// linux.seccomp: the filter is compiled (or found in the cache) by the parent; init only loads it.
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "init.h"

static struct sock_filter filter[BPF_MAXINSNS];
static size_t filter_bytes;

void op_seccomp_receive(const struct op_seccomp_receive *op) {
  (void)op;
  int fd = receive_fd();
  for (;;) {
    long got = ok(SC_read, SYS(read, fd, (char *)filter + filter_bytes, sizeof filter - filter_bytes));
    if (got == 0) break;
    filter_bytes += (size_t)got;
  }
  char more;
  // A filter that is cut off would let through what its end forbids.
  if (SYS(read, fd, &more, 1) != 0) fail(SC_read, -E2BIG);
  sys_close(fd);
  if (filter_bytes == 0 || filter_bytes % sizeof *filter != 0) fail(SC_read, -ENOEXEC);
}

void op_seccomp_load(const struct op_seccomp_load *op) {
  struct sock_fprog program = {.len = (unsigned short)(filter_bytes / sizeof *filter), .filter = filter};
  uint64_t flags = op->flags | (op->listener ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0);
  long listener = ok(SC_seccomp, SYS(seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
  if (!op->listener) return;
  report(RECORD_LISTENER, 0, (int)listener);
  sys_close(listener);
}
