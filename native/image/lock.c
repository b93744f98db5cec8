// Locks between processes that work on the same layout.
#include "image.h"

#include <errno.h>
#include <sys/file.h>

int64_t tsi_lock(int64_t fd, int64_t exclusive) {
  return flock((int)fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0 ? -errno : 0;
}
