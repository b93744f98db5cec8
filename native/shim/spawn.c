// Starts tsrun-init: one clone3 into the new namespaces, then execveat of a sealed copy. The child shares our memory until
// then, so it makes raw system calls only, on its own stack, with every signal blocked. Protocol: docs/architecture.md.
#include "shim.h"
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

enum { MAX_PRESERVE = 1 << 16, FLAG_START = 1, FLAG_LOG = 2, PROTOCOL_FDS = 4, CHILD_STACK = 16 * 1024 };

/// Kernel ABI of clone3(2), up to the cgroup field (Linux 5.7).
struct clone_request {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

/// What the child needs, prepared before it exists.
struct child {
  int init, base;
  /// In the order of the targets base, base + 1, ...: sync, plan, start or -1, hook log or -1.
  int fds[PROTOCOL_FDS];
  const char *const *argv;
  const char *const *env;
  /// Where the errno of a failed step goes; in memory that both sides see.
  volatile int *error;
};

#ifdef TSRUN_EMBEDDED_INIT
extern const char tsrun_init_start[], tsrun_init_end[];

static int init_memfd(unsigned flags) {
  return memfd_with("tsrun-init", flags, tsrun_init_start, (size_t)(tsrun_init_end - tsrun_init_start), true);
}

int64_t tsr_set_init_path(const char *path) {
  (void)path;
  return -ENOTSUP;
}
#else
static char *init_path;

int64_t tsr_set_init_path(const char *path) {
  free(init_path);
  init_path = strdup(path);
  return init_path == NULL ? -ENOMEM : 0;
}

static int init_memfd(unsigned flags) {
  if (init_path == NULL) return -ENOENT;
  int file = open(init_path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -errno;
  struct stat info;
  char *bytes = MAP_FAILED;
  int fd = fstat(file, &info) < 0 ? -errno : 0;
  if (fd == 0 && (bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, file, 0)) == MAP_FAILED) fd = -errno;
  if (fd == 0) fd = memfd_with("tsrun-init", flags, bytes, (size_t)info.st_size, true);
  if (bytes != MAP_FAILED) munmap(bytes, (size_t)info.st_size);
  close(file);
  return fd;
}
#endif

/// A copy that nobody can change, the container neither (CVE-2019-5736). Kernels before 6.3 do not know MFD_EXEC.
static int open_init(void) {
  int fd = init_memfd(MFD_EXEC);
  return fd == -EINVAL ? init_memfd(0) : fd;
}

/// Runs in the child. Puts the protocol fds where init expects them and becomes init.
static __attribute__((noinline, noreturn)) void child_main(const struct child *child) {
  int low = child->base + PROTOCOL_FDS;
  int sources[PROTOCOL_FDS + 1];
  long failed = 0;
  // First away from the targets, or one dup3 would close the source of another.
  for (int i = 0; i <= PROTOCOL_FDS && failed >= 0; i++) {
    int fd = i < PROTOCOL_FDS ? child->fds[i] : child->init;
    if (fd >= 0 && fd < low) failed = fd = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, low);
    sources[i] = fd;
  }
  // What else is open, and is not to be preserved, ends at the exec: the caller's fds must not get into the container.
  if (failed >= 0) failed = syscall(SYS_close_range, child->base, ~0U, CLOSE_RANGE_CLOEXEC);
  for (int i = 0; i < PROTOCOL_FDS && failed >= 0; i++)
    if (sources[i] >= 0) failed = syscall(SYS_dup3, sources[i], child->base + i, 0);
  if (failed >= 0) syscall(SYS_execveat, sources[PROTOCOL_FDS], "", child->argv, child->env, AT_EMPTY_PATH);
  *child->error = errno;
  syscall(SYS_exit_group, 127);
  __builtin_unreachable();
}

#if defined(__x86_64__)
#define SHARES_MEMORY true
/// clone3 on the stack of the request: the child must not return into this frame, so it calls child_main from here.
static long start_child(struct clone_request *request, const struct child *child) {
  long pid;
  register const struct child *argument __asm__("r8") = child;
  register void (*entry)(const struct child *) __asm__("r9") = child_main;
  __asm__ volatile("syscall\n\t"
                   "test %%rax, %%rax\n\t"
                   "jnz 1f\n\t"
                   "xor %%ebp, %%ebp\n\t"
                   "mov %%r8, %%rdi\n\t"
                   "call *%%r9\n\t"
                   "ud2\n"
                   "1:"
                   : "=a"(pid)
                   : "0"((long)SYS_clone3), "D"(request), "S"(sizeof *request), "r"(argument), "r"(entry)
                   : "rcx", "r11", "memory");
  return pid;
}
#elif defined(__aarch64__)
#define SHARES_MEMORY true
static long start_child(struct clone_request *request, const struct child *child) {
  register long x0 __asm__("x0") = (long)request;
  register long x1 __asm__("x1") = sizeof *request;
  register long x8 __asm__("x8") = SYS_clone3;
  register const struct child *argument __asm__("x9") = child;
  register void (*entry)(const struct child *) __asm__("x10") = child_main;
  __asm__ volatile("svc #0\n\t"
                   "cbnz x0, 1f\n\t"
                   "mov x29, xzr\n\t"
                   "mov x0, x9\n\t"
                   "blr x10\n\t"
                   "brk #1\n"
                   "1:"
                   : "+r"(x0)
                   : "r"(x1), "r"(x8), "r"(argument), "r"(entry)
                   : "memory", "cc");
  return x0;
}
#else
#define SHARES_MEMORY false
/// Other machines: a plain fork, which needs no machine code of ours.
static long start_child(struct clone_request *request, const struct child *child) {
  long pid = syscall(SYS_clone3, request, sizeof *request);
  if (pid == 0) child_main(child);
  return pid < 0 ? -errno : pid;
}
#endif

/// Blocks every signal, the C library's own too: a handler must not run in the child on our memory.
static void block_signals(uint64_t *old) {
  uint64_t all = ~UINT64_C(0);
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, old, sizeof all);
}

/// One page that both sides see for the child's errno, then the child's stack.
static int64_t clone_init(struct child *child, uint64_t flags, int cgroup) {
  char *memory = mmap(NULL, 4096 + CHILD_STACK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return -errno;
  child->error = (volatile int *)memory;
  int pidfd = -1;
  struct clone_request request = {.flags = flags | CLONE_PIDFD | CLONE_VFORK, .pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD};
  if (SHARES_MEMORY) {
    request.flags |= CLONE_VM;
    request.stack = (uintptr_t)memory + 4096;
    request.stack_size = CHILD_STACK;
  }
  if (cgroup >= 0) {
    request.flags |= CLONE_INTO_CGROUP;
    request.cgroup = (uint64_t)cgroup;
  }
  uint64_t old;
  block_signals(&old);
  int64_t pid = start_child(&request, child);
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, sizeof old);
  // clone3 with CLONE_VFORK is back when the child has executed init or left: the errno is final.
  int error = *child->error;
  munmap(memory, 4096 + CHILD_STACK);
  if (pid > 0 && error != 0) {
    while (waitpid((pid_t)pid, NULL, __WALL) < 0 && errno == EINTR)
      ;
    close(pidfd);
    return -error;
  }
  set_out(1, pidfd);
  return pid;
}

int64_t tsr_spawn_init(int64_t clone_flags, const char *plan, size_t plan_length, int64_t cgroup, int64_t preserve, int64_t start, int64_t hook_log) {
  if (preserve < 0 || preserve > MAX_PRESERVE) return -EINVAL;
  char base[16], flags[16];
  const char *argv[] = {"tsrun-init", base, flags, NULL};
  const char *env[] = {NULL};
  struct child child = {.init = -1, .base = 3 + (int)preserve, .fds = {-1, -1, (int)start, (int)hook_log}, .argv = argv, .env = env};
  snprintf(base, sizeof base, "%d", child.base);
  snprintf(flags, sizeof flags, "%d", (start >= 0 ? FLAG_START : 0) | (hook_log >= 0 ? FLAG_LOG : 0));
  int pair[2] = {-1, -1};
  int64_t pid = 0;
  keep_exit_statuses();
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -errno;
  child.fds[0] = pair[1];
  if (pid >= 0) pid = child.fds[1] = memfd_with("tsrun-plan", 0, plan, plan_length, true);
  if (pid >= 0) pid = child.init = open_init();
  if (pid >= 0) pid = clone_init(&child, (uint64_t)clone_flags, (int)cgroup);
  close(pair[1]);
  if (child.fds[1] >= 0) close(child.fds[1]);
  if (child.init >= 0) close(child.init);
  if (pid < 0) close(pair[0]);
  set_out(0, pid < 0 ? -1 : pair[0]);
  return pid;
}
