// Hooks and helper programs: started with a text on stdin, bounded in time, their last words kept. And a program in our own place.
#include "shim.h"
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILL_WAIT_MS = 5000 };

/// Starts it as the leader of its own session, with default signals and no fds but 0-2 (input -1: ours): its pid or -errno.
static int64_t spawn_program(const char *path, char **argv, char **env, int input, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  // Only fds of our caller lack the flag. Those that are to be preserved init inherits all the same (spawn.c).
  if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) < 0) return -errno;
  keep_exit_statuses();
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  int error = 0;
  if (input >= 0) error = posix_spawn_file_actions_adddup2(&actions, input, 0);
  if (input >= 0 && error == 0) error = posix_spawn_file_actions_adddup2(&actions, output, 1);
  if (input >= 0 && error == 0) error = posix_spawn_file_actions_adddup2(&actions, output, 2);
  if (error == 0) error = posix_spawnattr_setsigmask(&attributes, &none);
  if (error == 0) error = posix_spawnattr_setsigdefault(&attributes, &all);
  if (error == 0) error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  pid_t pid = -1;
  if (error == 0) error = posix_spawn(&pid, path, &actions, &attributes, argv, env);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return error != 0 ? -error : pid;
}

/// Waits for its end; over time the whole session's process group is killed: 0, -ETIMEDOUT or -errno.
static int64_t wait_program(pid_t pid, int64_t timeout_ms) {
  int64_t waited = tsr_wait_pid(pid, timeout_ms > 0 ? timeout_ms : -1);
  if (waited != -ETIMEDOUT) return waited < 0 ? waited : 0;
  kill(-pid, SIGKILL);
  kill(pid, SIGKILL);
  tsr_wait_pid(pid, KILL_WAIT_MS);
  return -ETIMEDOUT;
}

/// The last `most` bytes of what was written to `fd`, as the text result.
static int64_t tail_of(int fd, int64_t most) {
  struct stat info;
  if (fstat(fd, &info) < 0) return -errno;
  size_t size = (size_t)(info.st_size < most ? info.st_size : most);
  char *buffer = text_reserve(size);
  if (buffer == NULL) return -ENOMEM;
  ssize_t got = pread(fd, buffer, size, info.st_size - (off_t)size);
  return got < 0 ? -errno : text_finish((size_t)got);
}

int64_t tsr_run_program(const char *path, const char *argv, size_t argv_length, const char *env, size_t env_length, const char *input, size_t input_length,
                        int64_t timeout_ms, int64_t tail) {
  char **arguments = split_list(argv, argv_length);
  char **environment = split_list(env, env_length);
  int64_t outcome = arguments == NULL || environment == NULL ? -errno : 0;
  // Files and not pipes: a daemon that the program leaves behind can neither hold us up nor be killed by SIGPIPE.
  int in = -1, out = -1;
  bool has_streams = tail >= 0;
  if (outcome == 0 && has_streams) outcome = in = memfd_with("tsrun-hook-stdin", 0, input, input_length, false);
  if (outcome >= 0 && has_streams) outcome = out = memfd_with("tsrun-hook-output", 0, "", 0, false);
  set_out(0, 0);
  if (outcome >= 0) outcome = spawn_program(path, arguments, environment, in, out);
  if (outcome >= 0) outcome = wait_program((pid_t)outcome, timeout_ms);
  if (outcome == 0) outcome = has_streams ? tail_of(out, tail) : text_copy_exact("", 0);
  if (in >= 0) close(in);
  if (out >= 0) close(out);
  free(arguments);
  free(environment);
  return outcome;
}

/// `pattern` is a name, or the beginning of one and "*".
static bool is_named(const char *variable, const char *pattern) {
  size_t length = strlen(pattern);
  if (length > 0 && pattern[length - 1] == '*') return strncmp(variable, pattern, length - 1) == 0;
  return strncmp(variable, pattern, length) == 0 && variable[length] == '=';
}

static void drop_variables(char **patterns) {
  char **kept = environ;
  for (char **variable = environ; *variable != NULL; variable++) {
    bool is_dropped = false;
    for (char **pattern = patterns; *pattern != NULL && !is_dropped; pattern++) is_dropped = is_named(*variable, *pattern);
    if (!is_dropped) *kept++ = *variable;
  }
  *kept = NULL;
}

int64_t tsr_replace_program(const char *path, const char *argv, size_t argv_length, const char *dropped, size_t dropped_length) {
  char **arguments = split_list(argv, argv_length);
  char **patterns = split_list(dropped, dropped_length);
  if (arguments == NULL || patterns == NULL) return -errno;
  drop_variables(patterns);
  // An engine in a language with its own SIGPIPE (Bun) has it ignored, which execve would keep.
  signal(SIGPIPE, SIG_DFL);
  execve(path, arguments, environ);
  int error = errno;
  free(arguments);
  free(patterns);
  return -error;
}
