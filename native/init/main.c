// tsrun-init: runs the plan that TypeScript compiled, then becomes the container's program.
// It is started by clone3 in the new namespaces, from a sealed memfd, with the protocol's fds (docs/architecture.md).
#include "init.h"
#include "plan.h"

struct init self = {.sync = -1, .report = -1, .start = -1, .hook_log = -1, .root = -1, .null = -1, .empty = -1};

enum { HAS_START = 1, HAS_HOOK_LOG = 2, EXIT_USAGE = 126, PROTOCOL_FDS = 4 };

/// A small decimal number of argv; ends init on anything else.
static int argument(const char *text) {
  int number = 0;
  if (!text || !*text) SYS(exit_group, EXIT_USAGE);
  for (; *text; text++) {
    if (*text < '0' || *text > '9' || number > 100000) SYS(exit_group, EXIT_USAGE);
    number = number * 10 + (*text - '0');
  }
  return number;
}

static void run_op(uint64_t number, const uint64_t *fields) {
  switch (number) {
#define RUN(number, id, kinds) \
  case number: \
    op_##id((const struct op_##id *)(const void *)fields); \
    return;
    OP_LIST(RUN)
#undef RUN
  default:
    fail(SC_none, -ENOSYS);
  }
}

__attribute__((used, noreturn)) static void init_main(long *stack) {
  long argc = stack[0];
  char **argv = (char **)(stack + 1);
  if (argc != 3) SYS(exit_group, EXIT_USAGE);
  self.base = argument(argv[1]);
  int flags = argument(argv[2]);
  self.sync = self.report = self.base;
  if (flags & HAS_START) self.start = self.base + 2;
  if (flags & HAS_HOOK_LOG) self.hook_log = self.base + 3;

  // What execve of init had to pass on: no hook and no program gets it.
  for (int fd = self.base; fd < self.base + PROTOCOL_FDS; fd++) SYS(fcntl, fd, F_SETFD, FD_CLOEXEC);

  struct plan plan;
  self.op = UINT32_MAX;
  plan_open(&plan, self.base + 1);
  uint64_t fields[OP_WORDS + 1];
  for (self.op = 0; self.op < plan.count; self.op++) {
    fault_at_op();
    run_op(plan_next(&plan, fields), fields);
  }
  // A plan without exec.run is one of a container that has no process: start refuses it, so nobody gets here but by mistake.
  SYS(exit_group, 0);
  __builtin_unreachable();
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call init_main\n");
#else
__asm__(".globl _start\n_start:\n mov x29, #0\n mov x0, sp\n bl init_main\n");
#endif

void *memset(void *to, int value, size_t size) {
  unsigned char *bytes = to;
  while (size--) *bytes++ = (unsigned char)value;
  return to;
}

void *memcpy(void *to, const void *from, size_t size) {
  unsigned char *target = to;
  const unsigned char *source = from;
  while (size--) *target++ = *source++;
  return to;
}

int memcmp(const void *a, const void *b, size_t size) {
  const unsigned char *x = a, *y = b;
  for (; size; size--, x++, y++)
    if (*x != *y) return *x - *y;
  return 0;
}

size_t strlen(const char *text) {
  size_t size = 0;
  while (text[size]) size++;
  return size;
}
