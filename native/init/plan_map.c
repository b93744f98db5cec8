// The plan's memfd -> a read-only mapping that the ops point into.
#include <linux/mman.h>
#include <linux/stat.h>

#include "init.h"
#include "plan.h"

void plan_open(struct plan *plan, int fd) {
  struct statx info;
  ok(SC_statx, SYS(statx, fd, "", AT_EMPTY_PATH, STATX_SIZE, &info));
  if (info.stx_size == 0) fail(SC_statx, -EINVAL);
  long mapped = ok(SC_mmap, SYS(mmap, 0, info.stx_size, PROT_READ, MAP_PRIVATE, fd, 0));
  sys_close(fd);
  size_t size = info.stx_size;
  const char *bytes = fault_take((const char *)mapped, &size);
  if (plan_check(plan, bytes, size)) fail(SC_none, -EINVAL);
}
