// Id-mapped mounts: a user namespace that is only a mapping, and detached mounts that wear it.
#include "shim.h"
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int64_t write_map(pid_t pid, const char *file, const char *text) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int64_t result = write(fd, text, strlen(text)) < 0 ? -errno : 0;
  close(fd);
  return result;
}

int64_t tsr_make_userns(const char *uid_map, const char *gid_map) {
  // A plain fork, by the kernel's call: the child does nothing but wait for its end, or ours.
  pid_t parent = getpid(), pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (pid < 0) return -errno;
  if (pid == 0) {
    syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    while (syscall(SYS_getppid) == parent) syscall(SYS_ppoll, 0, 0, 0, 0, 0);
    syscall(SYS_exit_group, 0);
  }
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
  int64_t result = write_map(pid, "uid_map", uid_map);
  if (result == 0) result = write_map(pid, "gid_map", gid_map);
  if (result == 0 && (result = open(path, O_RDONLY | O_CLOEXEC)) < 0) result = -errno;
  kill(pid, SIGKILL);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    ;
  return result;
}

int64_t tsr_open_tree(const char *source, int64_t recursive) {
  long tree = syscall(SYS_open_tree, AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0));
  return tree < 0 ? -errno : tree;
}

int64_t tsr_idmap_mount(int64_t mount, int64_t whole_tree, int64_t userns) {
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns};
  unsigned flags = AT_EMPTY_PATH | (whole_tree ? AT_RECURSIVE : 0);
  return syscall(SYS_mount_setattr, (int)mount, "", flags, &attributes, sizeof attributes) < 0 ? -errno : 0;
}
