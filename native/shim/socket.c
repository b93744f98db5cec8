// Unix sockets: records of tsrun-init, answers and file descriptors to it, and the sockets of others (console, notify, start).
#include "shim.h"
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MESSAGE_SIZE = 64 * 1024, MAX_FDS = 32 };

/// What init sends: see the protocol in docs/architecture.md.
struct record {
  uint32_t kind, op_index, syscall, error;
  int64_t value;
  uint64_t reserved;
};
_Static_assert(sizeof(struct record) == 32, "the record of the protocol");

union control {
  struct cmsghdr header;
  char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
};

static int64_t deadline_of(int64_t timeout_ms) {
  return timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
}

/// One message: its length or -errno; the fds that came with it in `fds`, their number in `count`.
static int64_t receive(int fd, void *data, size_t size, int64_t timeout_ms, int *fds, int *count) {
  union control control;
  *count = 0;
  int ready = wait_ready(fd, POLLIN, deadline_of(timeout_ms));
  if (ready <= 0) return ready == 0 ? -ETIMEDOUT : ready;
  struct iovec part = {.iov_base = data, .iov_len = size};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  ssize_t got;
  do got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got < 0) return -errno;
  for (struct cmsghdr *part_header = CMSG_FIRSTHDR(&message); part_header != NULL; part_header = CMSG_NXTHDR(&message, part_header)) {
    if (part_header->cmsg_level != SOL_SOCKET || part_header->cmsg_type != SCM_RIGHTS) continue;
    int number = (int)((part_header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (int i = 0; i < number && *count < MAX_FDS; i++) memcpy(&fds[(*count)++], CMSG_DATA(part_header) + (size_t)i * sizeof(int), sizeof(int));
  }
  return got;
}

int64_t tsr_recv_record(int64_t fd, int64_t timeout_ms) {
  struct record record;
  int fds[MAX_FDS], count;
  int64_t got = receive((int)fd, &record, sizeof record, timeout_ms, fds, &count);
  // A peer that left messages of ours unread is first seen as a reset, and then by what it sent before: its failure record.
  if (got == -ECONNRESET) got = receive((int)fd, &record, sizeof record, timeout_ms, fds, &count);
  for (int i = 1; i < count; i++) close(fds[i]);
  set_out(5, count > 0 ? fds[0] : -1);
  if (got <= 0) return got;
  if (got != sizeof record) {
    if (count > 0) close(fds[0]);
    set_out(5, -1);
    return -EBADMSG;
  }
  set_out(0, record.kind);
  set_out(1, record.op_index);
  set_out(2, record.syscall);
  set_out(3, record.error);
  set_out(4, record.value);
  return 1;
}

static int64_t send_all(int fd, const void *data, size_t length) {
  ssize_t sent;
  do sent = send(fd, data, length, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return -errno;
  return (size_t)sent == length ? 0 : -EIO;
}

int64_t tsr_send_byte(int64_t fd, int64_t point) {
  unsigned char byte = (unsigned char)point;
  return send_all((int)fd, &byte, 1);
}

int64_t tsr_send_text(int64_t socket, const char *data, size_t length) {
  return send_all((int)socket, data, length);
}

int64_t tsr_send_fd(int64_t socket, int64_t fd, const char *message) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control = {0};
  int number = (int)fd;
  struct iovec part = {.iov_base = (void *)message, .iov_len = strlen(message)};
  struct msghdr request = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&request);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof number);
  memcpy(CMSG_DATA(header), &number, sizeof number);
  ssize_t sent;
  do sent = sendmsg((int)socket, &request, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return -errno;
  return (size_t)sent == part.iov_len ? 0 : -EIO;
}

int64_t tsr_recv_text(int64_t socket, int64_t timeout_ms) {
  int fds[MAX_FDS], count;
  char *buffer = text_reserve(MESSAGE_SIZE);
  if (buffer == NULL) return -ENOMEM;
  int64_t got = receive((int)socket, buffer, MESSAGE_SIZE, timeout_ms, fds, &count);
  for (int i = 0; i < count; i++) close(fds[i]);
  set_out(0, count);
  return got < 0 ? got : text_finish((size_t)got);
}

/// An address for the path. A longer one than an address holds goes by an fd of its directory, which the caller closes.
static int address_of(const char *path, struct sockaddr_un *address, int *directory) {
  *directory = -1;
  address->sun_family = AF_UNIX;
  if (strlen(path) < sizeof address->sun_path) {
    strcpy(address->sun_path, path);
    return 0;
  }
  const char *slash = strrchr(path, '/');
  char parent[PATH_MAX];
  if (slash == NULL || (size_t)(slash - path) >= sizeof parent) return -ENAMETOOLONG;
  memcpy(parent, path, (size_t)(slash - path));
  parent[slash - path] = '\0';
  *directory = open(slash == path ? "/" : parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (*directory < 0) return -errno;
  int length = snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", *directory, slash + 1);
  return (size_t)length < sizeof address->sun_path ? 0 : -ENAMETOOLONG;
}

static const int socket_types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};

/// A socket that is connected (or bound and listening) to the path: fd or -errno.
static int64_t open_socket(const char *path, int64_t kind, bool listening) {
  if (kind < 0 || kind > 2 || *path == '\0') return -EINVAL;
  struct sockaddr_un address = {0};
  int directory;
  int error = address_of(path, &address, &directory);
  int fd = -1;
  if (error == 0 && (fd = socket(AF_UNIX, socket_types[kind] | SOCK_CLOEXEC, 0)) < 0) error = -errno;
  if (error == 0 && (listening ? bind : connect)(fd, (struct sockaddr *)&address, sizeof address) < 0) error = -errno;
  if (error == 0 && listening && socket_types[kind] != SOCK_DGRAM && listen(fd, 8) < 0) error = -errno;
  if (directory >= 0) close(directory);
  if (error == 0) return fd;
  if (fd >= 0) close(fd);
  return error;
}

int64_t tsr_connect(const char *path, int64_t kind) {
  return open_socket(path, kind, false);
}

int64_t tsr_listen(const char *path, int64_t kind) {
  return open_socket(path, kind, true);
}
