#include "own_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int open_own_directory(int place, mode_t *mode) {
  struct stat status;
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", place);
  int fd = -1;
  if (fstat(place, &status) == 0 && ((status.st_mode & 0700) == 0700 || chmod(path, (status.st_mode & 07777) | 0700) == 0))
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int error = errno;
  close(place);
  if (fd < 0) return -error;
  if (mode != NULL) *mode = status.st_mode;
  return fd;
}
