// A cgroup with those below it, which the container may have made: by descriptors, since it names them with any bytes, as deep as it likes.
#include "../common/dots.h"
#include "shim.h"
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

enum { READ_STEP = 16 * 1024 };

static bool is_gone(int64_t result) {
  return result == -ENOENT || result == -ENODEV;
}

/// The file's text after the `length` bytes that are in the text buffer.
static int64_t append_file(int directory, const char *name, size_t *length) {
  int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int64_t got;
  do {
    char *buffer = text_reserve(*length + READ_STEP);
    got = buffer == NULL ? -ENOMEM : read(fd, buffer + *length, READ_STEP);
    if (got == -1)
      got = errno == EINTR ? 1 : -errno;
    else if (got > 0)
      *length += (size_t)got;
  } while (got > 0);
  close(fd);
  return got;
}

/// Processes; or threads, in threaded mode, which knows no processes. One that is gone has none.
static int64_t append_processes(int directory, size_t *length) {
  int64_t got = append_file(directory, "cgroup.procs", length);
  if (got == -EOPNOTSUPP) got = append_file(directory, "cgroup.threads", length);
  return is_gone(got) ? 0 : got;
}

/// Closes `directory`. With `length` it lists, without it removes what is below.
static int64_t walk(int directory, size_t *length) {
  DIR *stream = fdopendir(directory);
  if (stream == NULL) {
    int error = errno;
    close(directory);
    return -error;
  }
  int64_t result = length == NULL ? 0 : append_processes(directory, length);
  for (struct dirent *entry; result >= 0 && (entry = readdir(stream)) != NULL;) {
    if (entry->d_type != DT_DIR || is_dots(entry->d_name)) continue;
    int below = openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    result = below < 0 ? -errno : walk(below, length);
    if (is_gone(result)) result = 0;
    // One with processes stays, and shows when the top is removed.
    if (result >= 0 && length == NULL) unlinkat(directory, entry->d_name, AT_REMOVEDIR);
  }
  closedir(stream);
  return result;
}

static int64_t walk_from(const char *path, size_t *length) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return fd < 0 ? -errno : walk(fd, length);
}

int64_t tsr_cgroup_processes(const char *path) {
  size_t length = 0;
  int64_t result = walk_from(path, &length);
  return result < 0 ? result : text_finish(length);
}

int64_t tsr_remove_cgroups_below(const char *path) {
  return walk_from(path, NULL);
}
