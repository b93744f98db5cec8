// Files and directories, on paths of the host. Nothing here is for paths inside of a container: those are init's.
#include "../common/dots.h"
#include "../common/overlay.h"
#include "../common/remove_tree.h"
#include "shim.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h> // rename(2)
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_LIMIT = 16 * 1024 * 1024, READ_STEP = 16 * 1024 };

static int64_t result(int value) {
  return value < 0 ? -errno : value;
}

/// Reads `fd` to its end into the text buffer: length or -errno.
static int64_t read_to_end(int fd) {
  size_t length = 0;
  for (;;) {
    char *buffer = text_reserve(length + READ_STEP);
    if (buffer == NULL) return -ENOMEM;
    ssize_t got = read(fd, buffer + length, READ_STEP);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -errno;
    if (got == 0) return (int64_t)length;
    length += (size_t)got;
    if (length > TEXT_LIMIT) return -EFBIG;
  }
}

static int64_t read_path(const char *path) {
  // O_NONBLOCK: a fifo in the place of a file must not hold us up.
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return -errno;
  int64_t length = read_to_end(fd);
  close(fd);
  return length;
}

int64_t tsr_read_text(const char *path) {
  int64_t length = read_path(path);
  if (length < 0) return length;
  if (utf8_valid_prefix(tsr_text(), (size_t)length) != (size_t)length) return -EILSEQ;
  return text_finish((size_t)length);
}

int64_t tsr_read_lossy(const char *path) {
  int64_t length = read_path(path);
  return length < 0 ? length : text_finish((size_t)length);
}

int64_t tsr_read_fd(int64_t fd) {
  int64_t length = read_to_end((int)fd);
  return length < 0 ? length : text_finish((size_t)length);
}

int64_t tsr_write_file(const char *path, const char *data, size_t length, int64_t flags, int64_t mode) {
  // What is made is never made through a link: somebody else may have put it there.
  int no_link = (flags & O_CREAT) != 0 ? O_NOFOLLOW : 0;
  int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | no_link | (int)flags, (mode_t)mode);
  if (fd < 0) return -errno;
  // Empty data as well: the files of the kernel take a write for what it is.
  ssize_t written;
  do written = write(fd, data, length);
  while (written < 0 && errno == EINTR);
  // A disk that is full takes a part, and says so at the next write.
  int64_t error = written < 0 ? -errno : write_all(fd, data + written, length - (size_t)written);
  // A delayed error of a network file system shows at close only.
  if (close(fd) < 0 && error == 0 && errno != EINTR) error = -errno;
  return error;
}

int64_t write_all(int fd, const char *data, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, data, length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {
      // The standard streams may be non-blocking, by somebody else's choice.
      int ready = wait_ready(fd, POLLOUT, -1);
      if (ready < 0) return ready;
      continue;
    }
    if (written <= 0) return written < 0 ? -errno : -EIO;
    data += written;
    length -= (size_t)written;
  }
  return 0;
}

int64_t tsr_write_fd(int64_t fd, const char *data, size_t length) {
  return write_all((int)fd, data, length);
}

int64_t tsr_open(const char *path, int64_t flags, int64_t mode) {
  return result(open(path, (int)flags | O_CLOEXEC, (mode_t)mode));
}

int64_t tsr_openat(int64_t dirfd, const char *path, int64_t flags, int64_t mode) {
  return result(openat((int)dirfd, path, (int)flags | O_CLOEXEC, (mode_t)mode));
}

int64_t tsr_close(int64_t fd) {
  return result(close((int)fd));
}

int64_t tsr_mkdir(const char *path, int64_t mode) {
  return result(mkdir(path, (mode_t)mode));
}

int64_t tsr_rmdir(const char *path) {
  return result(rmdir(path));
}

int64_t tsr_bind_mount(const char *source, const char *target) {
  if (mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0) return -errno;
  return mount(NULL, target, NULL, MS_PRIVATE | MS_REC, NULL) < 0 ? -errno : 0;
}

int64_t tsr_umount(const char *path) {
  return umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
}

int64_t tsr_overlay_mount(const char *lowers, size_t length, const char *upper, const char *work, const char *target) {
  return overlay_mount(lowers, length, upper, work, target);
}

int64_t tsr_remove_tree(const char *path) {
  int error = remove_tree(AT_FDCWD, path);
  return error == -ENOENT ? 0 : error;
}

int64_t tsr_unlink(const char *path) {
  return result(unlink(path));
}

int64_t tsr_link(const char *from, const char *to) {
  return result(link(from, to));
}

int64_t tsr_rename(const char *from, const char *to) {
  return result(rename(from, to));
}

int64_t tsr_chown(const char *path, int64_t uid, int64_t gid) {
  return result(lchown(path, (uid_t)uid, (gid_t)gid));
}

int64_t tsr_chmod(const char *path, int64_t mode) {
  return result(chmod(path, (mode_t)mode));
}

int64_t tsr_set_label(const char *path, const char *label) {
  return result(lsetxattr(path, "security.selinux", label, strlen(label), 0));
}

int64_t tsr_stat_mode(const char *path) {
  struct stat info;
  if (stat(path, &info) < 0) return -errno;
  set_out(0, info.st_uid);
  set_out(1, major(info.st_rdev));
  set_out(2, minor(info.st_rdev));
  return info.st_mode;
}

int64_t tsr_inode(const char *path) {
  struct stat info;
  return stat(path, &info) < 0 ? -errno : (int64_t)info.st_ino;
}

int64_t tsr_read_link(const char *path) {
  char text[4096];
  ssize_t length = readlink(path, text, sizeof text);
  if (length == sizeof text) return -ENAMETOOLONG;
  return length < 0 ? -errno : text_copy_exact(text, (size_t)length);
}

int64_t tsr_fs_magic(const char *path) {
  struct statfs info;
  if (statfs(path, &info) < 0) return -errno;
  return (int64_t)(uint32_t)info.f_type;
}

int64_t tsr_real_path(const char *path) {
  char resolved[PATH_MAX];
  if (realpath(path, resolved) == NULL) return -errno;
  return text_copy_exact(resolved, strlen(resolved));
}

int64_t tsr_read_dir(const char *path) {
  DIR *dir = opendir(path);
  if (dir == NULL) return -errno;
  size_t length = 0;
  for (;;) {
    errno = 0;
    struct dirent *entry = readdir(dir);
    if (entry == NULL) break;
    if (is_dots(entry->d_name)) continue;
    size_t size = strlen(entry->d_name) + 1;
    char *buffer = text_reserve(length + size);
    if (buffer == NULL) {
      errno = ENOMEM;
      break;
    }
    memcpy(buffer + length, entry->d_name, size);
    length += size;
  }
  int error = errno;
  closedir(dir);
  return error != 0 ? -error : text_finish(length);
}

int64_t tsr_flock(int64_t fd, int64_t exclusive, int64_t timeout_ms) {
  int operation = (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB;
  int64_t deadline = now_ms() + timeout_ms;
  for (long pause_ms = 1;; pause_ms = pause_ms < 10 ? pause_ms * 2 : 20) {
    if (flock((int)fd, operation) == 0) return 0;
    if (errno != EWOULDBLOCK && errno != EINTR) return -errno;
    if (now_ms() >= deadline) return -ETIMEDOUT;
    struct timespec pause = {.tv_nsec = pause_ms * 1000000};
    nanosleep(&pause, NULL);
  }
}

int memfd_with(const char *name, unsigned flags, const char *data, size_t length, bool sealed) {
  int fd = memfd_create(name, flags | MFD_CLOEXEC | (sealed ? MFD_ALLOW_SEALING : 0));
  if (fd < 0) return -errno;
  int64_t error = write_all(fd, data, length);
  if (error == 0 && lseek(fd, 0, SEEK_SET) < 0) error = -errno;
  if (error == 0 && sealed && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) error = -errno;
  if (error == 0) return fd;
  close(fd);
  return (int)error;
}

int64_t tsr_memfd(const char *name) {
  return result(memfd_create(name, MFD_CLOEXEC));
}
