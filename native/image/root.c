// The directory that names are resolved under, and descriptors.
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static mode_t mask = 0777;

unsigned image_umask(void) {
  return mask;
}

int64_t tsi_open_root(const char *path) {
  mask = umask(0777);
  umask(mask);
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

int64_t tsi_read_file(int64_t root, const char *path, int64_t limit) {
  struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  long place = syscall(SYS_openat2, (int)root, path, &how, sizeof how);
  if (place < 0) return -errno;
  // To open a device may already do something, a FIFO waits.
  struct stat status;
  int result = fstat((int)place, &status) < 0 ? -errno : !S_ISREG(status.st_mode) ? -EINVAL : status.st_size > limit ? -EFBIG : 0;
  char again[32];
  snprintf(again, sizeof again, "/proc/self/fd/%d", (int)place);
  int fd = result < 0 ? -1 : open(again, O_RDONLY | O_CLOEXEC);
  if (result == 0 && fd < 0) result = -errno;
  close((int)place);
  if (result < 0) return result;
  uint8_t *text = image_result((size_t)status.st_size);
  int64_t length = 0;
  while (text != NULL && length < status.st_size) {
    ssize_t count = read(fd, text + length, (size_t)(status.st_size - length));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) length = -errno;
    if (count <= 0) break;
    length += count;
  }
  close(fd);
  return text == NULL ? -ENOMEM : length;
}
