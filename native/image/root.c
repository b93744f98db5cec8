// The directory that names are resolved under, and descriptors.
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

int64_t tsi_open_root(const char *path) {
  int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int64_t tsi_write_fd(int64_t fd, const uint8_t *data, size_t length) {
  while (length > 0) {
    ssize_t written = write((int)fd, data, length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return -errno;
    data += written;
    length -= (size_t)written;
  }
  return 0;
}

int64_t tsi_close(int64_t fd) {
  return close((int)fd) < 0 ? -errno : 0;
}

int image_open(int root, const char *path, int flags) {
  struct open_how how = {
      .flags = (uint64_t)(flags | O_NOFOLLOW | O_CLOEXEC),
      .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
  };
  long fd = syscall(SYS_openat2, root, path, &how, sizeof how);
  return fd < 0 ? -errno : (int)fd;
}

int64_t tsi_read_link(int64_t root, const char *path) {
  int fd = image_open((int)root, path, O_PATH);
  if (fd < 0) return fd;
  uint8_t *text = image_result(PATH_MAX);
  ssize_t length = text == NULL ? -1 : readlinkat(fd, "", (char *)text, PATH_MAX);
  int error = text == NULL ? ENOMEM : errno;
  close(fd);
  return length < 0 ? -error : length;
}
