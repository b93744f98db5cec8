// What the image store needs of the kernel: overlay mounts that nobody else sees, and a store that is on the disk.
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../common/overlay.h"

int64_t tsi_die_with_parent(int64_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0) return -errno;
  return getppid() == parent ? 0 : -ESRCH;
}

int64_t tsi_private_mounts(void) {
  // Of this thread alone (it implies CLONE_FS): what is mounted here is only reached through the descriptors of it.
  if (unshare(CLONE_NEWNS) < 0) return -errno;
  return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

int64_t tsi_overlay_mount(const uint8_t *lowers, size_t length, const char *upper, const char *work, const char *target) {
  int error = overlay_mount((const char *)lowers, length, upper, work, target);
  return error < 0 ? error : tsi_open_root(target);
}

int64_t tsi_unmount(const char *target) {
  return umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
}

int64_t tsi_sync_filesystem(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int64_t result = syncfs(fd) < 0 ? -errno : 0;
  close(fd);
  return result;
}
