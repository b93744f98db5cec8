// Namespaces, the second process that some of them need, and meeting the parent.
#include <linux/sched.h>

#include "init.h"

/// The caller's groups go while that is allowed: a user namespace may forbid setgroups(2), and the program would keep them.
static void drop_groups(void) {
  long result = SYS(setgroups, 0, 0);
  if (result < 0 && result != -EPERM) fail(SC_setgroups, result);
}

void op_ns_join(const struct op_ns_join *op) {
  // A FIFO in the place of a namespace must not hold init up.
  long fd = ok(SC_openat, SYS(openat, AT_FDCWD, op->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0));
  if (op->type == CLONE_NEWUSER) drop_groups();
  ok(SC_setns, SYS(setns, fd, op->type));
  sys_close(fd);
}

/// Container paths count from here.
static void open_root(void) {
  self.root = (int)ok(SC_openat, SYS(openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
}

void op_ns_enter(const struct op_ns_enter *op) {
  int pidfd = receive_fd();
  if (op->flags & CLONE_NEWUSER) drop_groups();
  ok(SC_setns, SYS(setns, pidfd, op->flags));
  sys_close(pidfd);
  // setns(2) into a mount namespace has moved / and the working directory to its root.
  if (op->flags & CLONE_NEWNS) open_root();
}

void op_root_enter(const struct op_root_enter *op) {
  (void)op;
  int root = receive_fd();
  ok(SC_fchdir, SYS(fchdir, root));
  ok(SC_chroot, SYS(chroot, "."));
  sys_close(root);
  open_root();
}

void op_ns_unshare(const struct op_ns_unshare *op) {
  ok(SC_unshare, SYS(unshare, op->flags));
}

void op_time_offsets(const struct op_time_offsets *op) {
  // The mount namespace may be one that was joined.
  long fd = ok(SC_openat2, open_in_host_procfs("self/timens_offsets", O_WRONLY));
  ok(SC_write, SYS(write, fd, op->text, strlen(op->text)));
  sys_close(fd);
}

void op_init_fork(const struct op_init_fork *op) {
  struct clone_args arguments = {.flags = op->flags | CLONE_PARENT};
  long pid = ok(SC_clone3, SYS(clone3, &arguments, sizeof arguments));
  if (pid == 0) return;
  report(RECORD_FORKED, pid, -1);
  SYS(exit_group, 0);
}

void op_sync_ask(const struct op_sync_ask *op) {
  report(RECORD_ASK, (int64_t)op->point, -1);
  await_point(op->point);
}

void op_sync_wait(const struct op_sync_wait *op) {
  await_point(op->point);
}

void op_user_become_root(const struct op_user_become_root *op) {
  ok(SC_setresgid, SYS(setresgid, 0, 0, 0));
  ok(SC_setresuid, SYS(setresuid, 0, 0, 0));
  set_groups(op->setgroups, 0, NULL);
}

void op_cgroup_join(const struct op_cgroup_join *op) {
  for (uint64_t i = 0; i < op->count; i++) {
    int fd = receive_fd();
    ok(SC_write, SYS(write, fd, "0", 1));
    sys_close(fd);
  }
}
