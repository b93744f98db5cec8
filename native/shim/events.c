// What `events` waits for: the out-of-memory killer, and the end of the container.
#include "shim.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

int64_t tsr_watch_file(const char *path) {
  int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (fd < 0) return -errno;
  if (inotify_add_watch(fd, path, IN_MODIFY) < 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}

/// Registers with cgroup.event_control: "<eventfd> <fd of memory.oom_control>" (Documentation/admin-guide/cgroup-v1/memory.rst).
int64_t tsr_watch_oom_v1(const char *directory) {
  char path[4096], words[32];
  int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), control = -1, oom = -1;
  int64_t result = event < 0 ? -errno : event;
  // The longer one of both names.
  if (strlen(directory) + sizeof "/cgroup.event_control" > sizeof path) result = result < 0 ? result : -ENAMETOOLONG;
  if (result >= 0) snprintf(path, sizeof path, "%s/memory.oom_control", directory);
  if (result >= 0 && (oom = open(path, O_RDONLY | O_CLOEXEC)) < 0) result = -errno;
  if (result >= 0) snprintf(path, sizeof path, "%s/cgroup.event_control", directory);
  if (result >= 0 && (control = open(path, O_WRONLY | O_CLOEXEC)) < 0) result = -errno;
  if (result >= 0) snprintf(words, sizeof words, "%d %d", event, oom);
  if (result >= 0 && write(control, words, strlen(words)) < 0) result = -errno;
  if (control >= 0) close(control);
  if (oom >= 0) close(oom);
  if (result < 0 && event >= 0) close(event);
  return result;
}

int64_t tsr_poll_event(int64_t fd, int64_t pidfd, int64_t timeout_ms) {
  struct pollfd polled[2] = {{.fd = (int)fd, .events = POLLIN}, {.fd = (int)pidfd, .events = POLLIN}};
  int64_t deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
  int count;
  do count = poll(polled, 2, poll_timeout(deadline));
  while (count < 0 && errno == EINTR);
  if (count < 0) return -errno;
  char drain[4096];
  if (polled[0].revents & POLLIN) (void)!read((int)fd, drain, sizeof drain);
  if (polled[1].revents) return 2;
  return polled[0].revents ? 1 : 0;
}
