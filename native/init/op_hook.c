// Hooks that run in the container's namespaces: createContainer and startContainer (runtime-spec, "POSIX-platform Hooks").
#include <linux/memfd.h>
#include <linux/sched.h>
#include <linux/time_types.h>
#include <linux/wait.h>

#include "init.h"

const char **list_pointers(struct list list);

enum { PIDFD = 0x1000, SIGCHLD_ = 17, SIGKILL_ = 9, READABLE = 1, NUMBER_BYTES = 21, SEEK_START = 0, CLOSE_RANGE_CLOEXEC_ = 4 };

struct poll_entry {
  int fd;
  short events, revents;
};

/// A file that holds the state, read from its start: a pipe could fill up before the hook reads it.
static int state_file(const struct op_hook_run *op) {
  char pid[NUMBER_BYTES];
  long fd = ok(SC_memfd_create, SYS(memfd_create, "state", MFD_CLOEXEC));
  size_t size = format_number(pid, (uint64_t)SYS(getpid, 0));
  ok(SC_write, SYS(write, fd, op->state_before, strlen(op->state_before)));
  ok(SC_write, SYS(write, fd, pid, size));
  ok(SC_write, SYS(write, fd, op->state_after, strlen(op->state_after)));
  ok(SC_lseek, SYS(lseek, fd, 0, SEEK_START));
  return (int)fd;
}

/// In the child: the streams, then the hook. An errno is written to the pipe; success closes it.
static _Noreturn void become_hook(const struct op_hook_run *op, int state, int pipe) {
  const char **args = list_pointers(op->args), **env = list_pointers(op->env);
  const char *only_path[] = {op->path, NULL};
  int output = self.hook_log >= 0 ? self.hook_log : self.null;
  // A session of its own: over time all of it is killed.
  SYS(setsid, 0);
  long result = SYS(dup3, state, 0, 0);
  for (int stream = 1; stream < 3 && result >= 0 && output >= 0; stream++) result = SYS(dup3, output, stream, 0);
  // The descriptors that are to be preserved are the program's, not the hook's.
  if (result >= 0) result = SYS(close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC_);
  if (result >= 0) result = SYS(execve, op->path, op->args.count ? args : only_path, env);
  SYS(write, pipe, &result, sizeof result);
  SYS(exit_group, 127);
  // A seccomp filter that forbids even that.
  __builtin_trap();
}

/// 0 when the hook has ended, -ETIMEDOUT when it was killed.
static long await_hook(int pidfd, long pid, uint64_t timeout_ms) {
  struct poll_entry entry = {pidfd, READABLE, 0};
  struct __kernel_timespec limit = {(long long)(timeout_ms / 1000), (long long)(timeout_ms % 1000) * 1000000};
  // ppoll writes the time that is left back, so that an interruption does not prolong it.
  long ready;
  do ready = SYS(ppoll, &entry, 1, timeout_ms ? &limit : NULL, 0, 0);
  while (ready == -EINTR);
  if (ready != 0) return 0;
  SYS(kill, -pid, SIGKILL_);
  SYS(pidfd_send_signal, pidfd, SIGKILL_, 0, 0);
  return -ETIMEDOUT;
}

void op_hook_run(const struct op_hook_run *op) {
  int pidfd = -1, pipe[2], status = 0;
  int state = state_file(op);
  ok(SC_pipe2, SYS(pipe2, pipe, O_CLOEXEC));
  struct clone_args arguments = {.flags = PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd, .exit_signal = SIGCHLD_};
  long pid = ok(SC_clone3, SYS(clone3, &arguments, sizeof arguments));
  if (pid == 0) become_hook(op, state, pipe[1]);
  sys_close(pipe[1]);
  sys_close(state);
  long result = await_hook(pidfd, pid, op->timeout_ms);
  long waited;
  do waited = SYS(wait4, pid, &status, __WALL, 0);
  while (waited == -EINTR);
  long not_run = 0;
  long size = SYS(read, pipe[0], &not_run, sizeof not_run);
  sys_close(pipe[0]);
  sys_close(pidfd);
  if (result < 0) fail(SC_poll, result);
  if (size == sizeof not_run) fail(SC_execve, not_run);
  if (status != 0) fail_with(SC_wait4, -ECHILD, status);
}
