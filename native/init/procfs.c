// The procfs that init writes to. A write to attr/exec or to a sysctl that somebody has led elsewhere leaves the container unconfined, or the
// host changed (CVE-2019-16884, CVE-2019-19921, CVE-2025-52881): nothing is written but through an fd of a procfs that is proved to be one.
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/stat.h>

#include "init.h"

/// Inode of the root directory of every procfs.
enum { ROOT_INODE = 1 };

struct fs_info {
  long type;
  unsigned long rest[15];
};

/// 0, -EXDEV when it is another filesystem, or why that cannot be told.
static long check_procfs(long fd) {
  struct fs_info info;
  long result = SYS(fstatfs, fd, &info);
  return result < 0 ? result : info.type == PROC_SUPER_MAGIC ? 0 : -EXDEV;
}

static long check_procfs_root(long fd) {
  struct statx info;
  long result = check_procfs(fd);
  if (result >= 0) result = SYS(statx, fd, "", AT_EMPTY_PATH, STATX_INO, &info);
  return result < 0 ? result : info.stx_ino == ROOT_INODE ? 0 : -EXDEV;
}

/// The fd when the result is good; else it is closed.
static long checked(long fd, long result) {
  if (result >= 0) return fd;
  sys_close(fd);
  return result;
}

/// Our own, over which nobody can have mounted anything.
static long new_procfs(void) {
  long context = SYS(fsopen, "proc", FSOPEN_CLOEXEC);
  if (context < 0) return context;
  long mount = SYS(fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
  if (mount >= 0) mount = SYS(fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  sys_close(context);
  return mount;
}

/// The one at /proc, if it is one.
static long existing_procfs(void) {
  long proc = SYS(openat, AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  return proc < 0 ? proc : checked(proc, check_procfs_root(proc));
}

/// Closes `proc`.
static long open_verified(long proc, const char *path, uint64_t flags, uint64_t resolve) {
  if (proc < 0) return proc;
  // EXDEV: something is mounted over a part of it.
  struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | resolve};
  long fd = SYS(openat2, proc, path, &how, sizeof how);
  sys_close(proc);
  return fd < 0 ? fd : checked(fd, check_procfs(fd));
}

long open_in_host_procfs(const char *path, uint64_t flags) {
  return open_verified(existing_procfs(), path, flags, 0);
}

long open_in_procfs(const char *path, uint64_t flags, uint64_t resolve) {
  long proc = new_procfs();
  long fd = open_verified(proc, path, flags, resolve);
  // Some user namespaces may not make one, and an AppArmor profile around the runtime may know no paths in it.
  if (fd != -EPERM && fd != -EACCES) return fd;
  long other = open_verified(existing_procfs(), path, flags, resolve);
  return other < 0 && proc >= 0 ? fd : other;
}
