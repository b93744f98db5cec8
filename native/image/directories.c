// Directories: opened under the root or in another one, made, listed, removed.
#include "image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../common/dots.h"
#include "../common/own_directory.h"
#include "../common/remove_tree.h"

static const int DIRECTORY = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

// The fd, and in the outs who it is: device, inode (two halves: a number of JavaScript has 53 bits), seconds and nanoseconds of its
// mtime, mode, and whether what is made in it gets more than it asks for.
static int64_t opened(int fd, mode_t mode) {
  struct stat status;
  if (fstat(fd, &status) < 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  bool inherits = (status.st_mode & S_ISGID) != 0 || fgetxattr(fd, "system.posix_acl_default", NULL, 0) >= 0;
  image_set_out(0, (int64_t)status.st_dev);
  image_set_out(1, (int64_t)(status.st_ino >> 32));
  image_set_out(2, (int64_t)(status.st_ino & 0xffffffff));
  image_set_out(3, status.st_mtim.tv_sec);
  image_set_out(4, status.st_mtim.tv_nsec);
  image_set_out(5, mode == 0 ? status.st_mode : mode);
  image_set_out(6, inherits);
  return fd;
}

// Without root, the owner may have no right to its own directory, and takes it. `place` is an O_PATH descriptor; it is closed.
static int64_t open_own(int place) {
  mode_t mode;
  int fd = open_own_directory(place, &mode);
  return fd < 0 ? fd : opened(fd, mode);
}

int64_t tsi_open_dir(int64_t root, const char *path) {
  bool is_root = geteuid() == 0;
  struct open_how how = {.flags = (uint64_t)(is_root ? DIRECTORY : DIRECTORY | O_PATH), .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  long fd = syscall(SYS_openat2, (int)root, path, &how, sizeof how);
  if (fd < 0) return -errno;
  return is_root ? opened((int)fd, 0) : open_own((int)fd);
}

int64_t tsi_open_child(int64_t dir, const char *name) {
  bool is_root = geteuid() == 0;
  int fd = openat((int)dir, name, DIRECTORY | O_NOFOLLOW | (is_root ? 0 : O_PATH));
  if (fd < 0) return -errno;
  return is_root ? opened(fd, 0) : open_own(fd);
}

int64_t tsi_make_dir(int64_t dir, const char *name, int64_t inherits) {
  if (mkdirat((int)dir, name, 0700) < 0) return -errno;
  int fd = openat((int)dir, name, DIRECTORY | O_NOFOLLOW);
  if (fd < 0) return -errno;
  if (inherits) {
    fremovexattr(fd, "system.posix_acl_access");
    fremovexattr(fd, "system.posix_acl_default");
    fchmod(fd, 0700);
  }
  return opened(fd, 0);
}

int64_t tsi_stat_at(int64_t dir, const char *name) {
  struct stat status;
  if (fstatat((int)dir, name, &status, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
  image_set_out(0, (int64_t)status.st_rdev);
  return status.st_mode;
}

int64_t tsi_remove(int64_t dir, const char *name) {
  return remove_tree((int)dir, name);
}

int64_t tsi_list_dir(int64_t dir, int64_t is_first) {
  static _Thread_local char buffer[32 << 10];
  if (is_first && lseek((int)dir, 0, SEEK_SET) < 0) return -errno;
  // A name is shorter than its entry.
  char *names = (char *)image_result(sizeof buffer);
  if (names == NULL) return -ENOMEM;
  size_t used = 0;
  while (used == 0) {
    ssize_t length = getdents64((int)dir, buffer, sizeof buffer);
    if (length <= 0) return length < 0 ? -errno : 0;
    for (ssize_t at = 0; at < length;) {
      const struct dirent64 *entry = (const struct dirent64 *)(buffer + at);
      at += entry->d_reclen;
      if (is_dots(entry->d_name)) continue;
      size_t size = strlen(entry->d_name) + 1;
      memcpy(names + used, entry->d_name, size);
      used += size;
    }
  }
  return (int64_t)used;
}
