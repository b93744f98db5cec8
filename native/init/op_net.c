// The names of the uts namespace, the loopback interface and sysctls.
#include <linux/if.h>
#include <linux/openat2.h>
#include <linux/sockios.h>

#include "init.h"

enum { INET = 2, DATAGRAM = 2, SOCK_CLOEXEC_ = 02000000, KEY_BYTES = 1024 };

void op_host_name(const struct op_host_name *op) {
  ok(SC_sethostname, SYS(sethostname, op->name, strlen(op->name)));
}

void op_host_domain(const struct op_host_domain *op) {
  ok(SC_setdomainname, SYS(setdomainname, op->name, strlen(op->name)));
}

void op_net_loopback(const struct op_net_loopback *op) {
  (void)op;
  long fd = ok(SC_socket, SYS(socket, INET, DATAGRAM | SOCK_CLOEXEC_, 0));
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  ok(SC_ioctl, SYS(ioctl, fd, SIOCSIFFLAGS, &request));
  sys_close(fd);
}

void op_sysctl_write(const struct op_sysctl_write *op) {
  char path[KEY_BYTES] = "sys/";
  if (strlen(op->path) + 5 > sizeof path) fail(SC_openat2, -ENAMETOOLONG);
  memcpy(path + 4, op->path, strlen(op->path) + 1);
  long fd = ok(SC_openat2, open_in_procfs(path, O_WRONLY, RESOLVE_NO_SYMLINKS));
  ok(SC_write, SYS(write, fd, op->value, strlen(op->value)));
  sys_close(fd);
}
