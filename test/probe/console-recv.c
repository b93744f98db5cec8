// The other end of --console-socket: listens on a unix socket, receives the terminal's master descriptor, and relays it:
// master -> stdout, stdin -> master (when asked), until the container side is closed. Usage: console-recv SOCKET [TEXT]
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

static int receive_fd(int socket_fd) {
  char name[256];
  char control[CMSG_SPACE(sizeof(int))];
  struct iovec part = {name, sizeof(name)};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
  ssize_t length = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
  struct cmsghdr *header = length >= 0 ? CMSG_FIRSTHDR(&message) : NULL;
  if (!header || header->cmsg_type != SCM_RIGHTS) return -1;
  int fd;
  memcpy(&fd, CMSG_DATA(header), sizeof(fd));
  fprintf(stderr, "name=%.*s\n", (int)length, name);
  return fd;
}

int main(int argc, char **argv) {
  if (argc < 2) return 64;
  alarm(30);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  // Under its own name only when it listens: whoever waits for the file connects at once.
  snprintf(address.sun_path, sizeof(address.sun_path), "%s.new", argv[1]);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 1) < 0 || rename(address.sun_path, argv[1]) < 0) {
    perror("console-recv: listen");
    return 1;
  }
  fputs("listening\n", stderr);
  int peer = accept(listener, NULL, NULL);
  int master = peer < 0 ? -1 : receive_fd(peer);
  if (master < 0) {
    perror("console-recv: no descriptor");
    return 1;
  }
  struct winsize size = {0};
  struct stat info;
  int is_tty = ioctl(master, TIOCGWINSZ, &size) == 0;
  fstat(master, &info);
  fprintf(stderr, "tty=%d\nsize=%ux%u\nrdev=%u:%u\n", is_tty, size.ws_col, size.ws_row, major(info.st_rdev), minor(info.st_rdev));
  // The runtime is done when the socket is closed; what follows is the container's own.
  if (argc > 2 && write(master, argv[2], strlen(argv[2])) < 0) perror("console-recv: write");
  for (;;) {
    char text[4096];
    ssize_t length = read(master, text, sizeof(text));
    if (length <= 0) break; // EIO: the last user of the terminal is gone
    if (write(1, text, (size_t)length) < 0) break;
  }
  fputs("closed\n", stderr);
  return 0;
}
