// Device nodes: made, or bound from the host where they cannot be made. Whatever is opened is looked at before it is used.
#include <linux/stat.h>

#include "init.h"

enum { PATH_BYTES = 4096, TYPE_MASK = 0170000, CHARACTER = 0020000, BLOCK = 0060000, FIFO = 0010000, SOCKET = 0140000 };
enum { MODE_MASK = 07777, SET_IDS = 06000, NUMBER_BYTES = 21 };

static uint32_t mode_of_type(const char *type) {
  return type[0] == 'b' ? BLOCK : type[0] == 'p' ? FIFO : CHARACTER;
}

/// The encoding of mknod(2) (new_encode_dev in the kernel).
static uint32_t device_number(uint64_t major, uint64_t minor) {
  return (uint32_t)((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~(uint64_t)0xff) << 12));
}

static struct statx info_of(long fd) {
  struct statx info;
  ok(SC_statx, SYS(statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &info));
  return info;
}

static int is_device(const struct statx *info, const char *type, uint64_t major, uint64_t minor) {
  uint32_t mode = mode_of_type(type);
  if ((info->stx_mode & TYPE_MASK) != mode) return 0;
  return mode == FIFO || (info->stx_rdev_major == major && info->stx_rdev_minor == minor);
}

/// fchmod takes no O_PATH fd, and the name may be another file's by now: by the link that procfs has for the fd.
static void change_mode(long fd, uint64_t mode) {
  char name[NUMBER_BYTES];
  format_number(name, (uint64_t)fd);
  long links = ok(SC_openat2, open_in_procfs("self/fd", O_PATH | O_DIRECTORY, 0));
  ok(SC_fchmodat, SYS(fchmodat, links, name, mode));
  sys_close(links);
}

/// Owner and mode of the file that was looked at, and of no other. One that was just made has the mode already.
static void own(long fd, const struct statx *info, const struct op_device_node *op) {
  int is_ours = info->stx_uid == op->uid && info->stx_gid == op->gid;
  if (!is_ours) ok(SC_fchown, SYS(fchownat, fd, "", op->uid, op->gid, AT_EMPTY_PATH));
  // The set-id bits go with a change of the owner.
  if ((info->stx_mode & MODE_MASK) != op->mode || (!is_ours && (op->mode & SET_IDS))) change_mode(fd, op->mode);
}

void op_device_node(const struct op_device_node *op) {
  char name[PATH_BYTES];
  int parent = open_parent(op->target, name);
  long mask = SYS(umask, 0);
  long result = SYS(mknodat, parent, name, mode_of_type(op->type) | op->mode, device_number(op->major, op->minor));
  SYS(umask, mask);
  if (result < 0 && result != -EEXIST) fail(SC_mknodat, result);
  long fd = ok(SC_openat, SYS(openat, parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0));
  // Spec 8.12: another file at the path is an error.
  struct statx info = info_of(fd);
  if (!is_device(&info, op->type, op->major, op->minor)) fail(SC_mknodat, -EEXIST);
  own(fd, &info, op);
  sys_close(fd);
  sys_close(parent);
}

void op_device_bind(const struct op_device_bind *op) {
  long source = ok(SC_openat, SYS(openat, AT_FDCWD, op->source, O_PATH | O_CLOEXEC, 0));
  struct statx info = info_of(source);
  if (!is_device(&info, op->type, op->major, op->minor)) fail(SC_openat, -ENODEV);
  int target = make_file(op->target);
  int copy = clone_mount((int)source, 0);
  attach_mount(copy, target);
  sys_close(copy);
  sys_close(target);
  sys_close(source);
}

/// Opened before the image can put something else there (CVE-2025-31133, CVE-2026-88265); a second call does nothing.
void op_null_open(const struct op_null_open *op) {
  (void)op;
  if (self.null >= 0) return;
  long fd = ok(SC_openat, SYS(openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0));
  struct statx info = info_of(fd);
  if (!is_device(&info, "c", 1, 3)) fail(SC_openat, -ENODEV);
  // A closed standard stream would make the program's first file its input or output.
  for (int stream = 0; stream < 3; stream++)
    if (SYS(fcntl, stream, F_GETFD, 0) == -EBADF && fd != stream) ok(SC_dup3, SYS(dup3, fd, stream, 0));
  // Should it have become one of them itself, keep another one.
  if (fd < 3) {
    SYS(fcntl, fd, F_SETFD, 0);
    fd = ok(SC_dup3, SYS(fcntl, fd, F_DUPFD_CLOEXEC, self.base + 4));
  }
  self.null = (int)fd;
}

void op_stdio_own(const struct op_stdio_own *op) {
  for (int stream = 0; stream < 3; stream++) {
    struct statx info;
    if (SYS(statx, stream, "", AT_EMPTY_PATH, STATX_TYPE | STATX_UID, &info) < 0) continue;
    uint32_t type = info.stx_mode & TYPE_MASK;
    uint64_t group;
    // Only what was made for the container: a file or device of the host keeps its owner.
    int is_terminal = type == CHARACTER && SYS(ioctl, stream, 0x540F /* TIOCGPGRP */, &group) != -ENOTTY;
    if (type != FIFO && type != SOCKET && !is_terminal) continue;
    long result = SYS(fchown, stream, op->uid, -1);
    // As runc: a user namespace without that owner, or a read-only /dev, is no reason to fail.
    if (result < 0 && result != -EINVAL && result != -EPERM && result != -EROFS) fail(SC_fchown, result);
  }
}
