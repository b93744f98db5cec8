// process.terminal: a pty of the container's own devpts (CVE-2025-52565: nothing is opened by a name that the image can change).
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/stat.h>

#include "init.h"

enum { GET_PEER = 0x5441, UNLOCK = 0x40045431, SET_SIZE = 0x5414, SET_CONTROLLING = 0x540E, NO_CTTY = 0400, PTS_MAJOR = 136, PTS_MAJORS = 8 };

struct window_size {
  uint16_t rows, columns, x_pixels, y_pixels;
};
struct fs_info {
  long type, block_size;
  unsigned long rest[14];
};

static void require_devpts(long fd) {
  struct fs_info info;
  ok(SC_fstatfs, SYS(fstatfs, fd, &info));
  if (info.type != DEVPTS_SUPER_MAGIC) fail(SC_fstatfs, -ENXIO);
}

static void require_pts(long fd) {
  struct statx info;
  ok(SC_statx, SYS(statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &info));
  if ((info.stx_mode & 0170000) != 0020000 || info.stx_rdev_major < PTS_MAJOR || info.stx_rdev_major >= PTS_MAJOR + PTS_MAJORS) fail(SC_statx, -ENXIO);
}

/// The mount point for the console; a link that the image put there is an error, not a way out.
static int console_target(void) {
  long dev = ok(SC_openat2, root_open_path("/dev", O_PATH | O_DIRECTORY));
  long fd = SYS(openat, dev, "console", O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, 0620);
  if (fd < 0 && fd != -EEXIST) fail(SC_openat, fd);
  sys_close(fd);
  struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
  fd = ok(SC_openat2, SYS(openat2, dev, "console", &how, sizeof how));
  sys_close(dev);
  return (int)fd;
}

void op_terminal_open(const struct op_terminal_open *op) {
  // The file system first: in another one, to open what the image calls ptmx may do anything.
  long pts = ok(SC_openat2, root_open_path("/dev/pts", O_PATH | O_DIRECTORY));
  require_devpts(pts);
  struct open_how how = {.flags = O_RDWR | NO_CTTY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
  long master = ok(SC_openat2, SYS(openat2, pts, "ptmx", &how, sizeof how));
  require_devpts(master);
  sys_close(pts);
  int locked = 0;
  ok(SC_ioctl, SYS(ioctl, master, UNLOCK, &locked));
  long peer = ok(SC_ioctl, SYS(ioctl, master, GET_PEER, O_RDWR | NO_CTTY | O_CLOEXEC));
  require_devpts(peer);
  require_pts(peer);
  if (op->width || op->height) {
    struct window_size size = {(uint16_t)op->height, (uint16_t)op->width, 0, 0};
    ok(SC_ioctl, SYS(ioctl, master, SET_SIZE, &size));
  }
  if (op->console) {
    int target = console_target();
    int copy = clone_mount((int)peer, 0);
    attach_mount(copy, target);
    sys_close(copy);
    sys_close(target);
  }
  ok(SC_ioctl, SYS(ioctl, peer, SET_CONTROLLING, 0));
  for (int stream = 0; stream < 3; stream++) ok(SC_dup3, SYS(dup3, peer, stream, 0));
  report(RECORD_TERMINAL, 0, (int)master);
  sys_close(peer);
  sys_close(master);
}
