// Records to the parent and its answers; the other side is src/native/init.ts (docs/architecture.md, "The sync protocol").
#include <linux/net.h>
#include <linux/socket.h>

#include "init.h"

struct record {
  uint32_t kind, op, syscall, error;
  int64_t value;
  uint64_t reserved;
};
_Static_assert(sizeof(struct record) == 32, "the parent reads records of 32 bytes");

// The kernel's own structures: its user headers have none of them.
struct io_vector {
  void *base;
  size_t size;
};
struct message {
  void *name;
  int name_size;
  struct io_vector *vectors;
  size_t vector_count;
  void *control;
  size_t control_size;
  unsigned flags;
};
struct control {
  size_t size;
  int level, type;
  int fd, padding;
};
enum { LEVEL_SOCKET = 1, TYPE_RIGHTS = 1, FLAG_NOSIGNAL = 0x4000, FLAG_CMSG_CLOEXEC = 0x40000000, EXIT_FAILED = 127 };

static long send_record(struct record *record, int fd) {
  struct io_vector vector = {record, sizeof *record};
  struct control control = {offsetof(struct control, padding), LEVEL_SOCKET, TYPE_RIGHTS, fd, 0};
  struct message message = {.vectors = &vector, .vector_count = 1};
  if (fd >= 0) {
    message.control = &control;
    message.control_size = sizeof control;
  }
  long sent;
  do sent = SYS(sendmsg, self.report, &message, FLAG_NOSIGNAL);
  while (sent == -EINTR);
  return sent;
}

_Noreturn void fail_with(int syscall, long result, int64_t value) {
  struct record record = {RECORD_FAIL, self.op, (uint32_t)syscall, (uint32_t)-result, value, 0};
  send_record(&record, -1);
  SYS(exit_group, EXIT_FAILED);
  // A seccomp filter that forbids even that.
  __builtin_trap();
}

_Noreturn void fail(int syscall, long result) {
  fail_with(syscall, result, 0);
}

void report(enum record_kind kind, int64_t value, int fd) {
  struct record record = {kind, self.op, 0, 0, value, 0};
  ok(SC_sendmsg, send_record(&record, fd));
}

/// One message of the parent: its byte, and the fd that came with it in `fd` (-1: none).
static unsigned char receive(int *fd) {
  unsigned char byte = 0;
  struct io_vector vector = {&byte, 1};
  struct control control = {.fd = -1};
  struct message message = {.vectors = &vector, .vector_count = 1, .control = &control, .control_size = sizeof control};
  long size;
  do size = SYS(recvmsg, self.sync, &message, FLAG_CMSG_CLOEXEC);
  while (size == -EINTR);
  // The parent is gone: nobody is left to tell.
  if (size <= 0) SYS(exit_group, EXIT_FAILED);
  *fd = message.control_size >= offsetof(struct control, padding) && control.type == TYPE_RIGHTS ? control.fd : -1;
  return byte;
}

void await_point(uint64_t point) {
  int fd;
  unsigned char byte = receive(&fd);
  if (byte != point) fail(SC_recvmsg, -EPROTO);
}

int receive_fd(void) {
  int fd;
  receive(&fd);
  if (fd < 0) fail(SC_recvmsg, -EPROTO);
  return fd;
}

uint64_t item_number(const char *item) {
  uint64_t number = 0;
  if (!*item) fail(SC_none, -EINVAL);
  for (; *item; item++) {
    unsigned digit = (unsigned)(*item - '0');
    if (digit > 9 || __builtin_mul_overflow(number, 10u, &number) || __builtin_add_overflow(number, digit, &number)) fail(SC_none, -EINVAL);
  }
  return number;
}

size_t format_number(char *to, uint64_t number) {
  char digits[20];
  size_t count = 0, size = 0;
  do digits[count++] = (char)('0' + number % 10);
  while (number /= 10);
  while (count) to[size++] = digits[--count];
  to[size] = 0;
  return size;
}
