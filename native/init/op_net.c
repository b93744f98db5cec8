// The names of the uts namespace, the loopback interface and sysctls.
#include <linux/if.h>
#include <linux/magic.h>
#include <linux/mount.h>
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

long open_procfs(void) {
  long context = SYS(fsopen, "proc", FSOPEN_CLOEXEC);
  if (context >= 0) {
    long mount = SYS(fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
    if (mount >= 0) mount = SYS(fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    sys_close(context);
    if (mount >= 0) return mount;
  }
  // Not allowed in some user namespaces; then / is still the host's.
  return ok(SC_openat, SYS(openat, AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
}

void op_sysctl_write(const struct op_sysctl_write *op) {
  char path[KEY_BYTES] = "sys/";
  if (strlen(op->path) + 5 > sizeof path) fail(SC_openat2, -ENAMETOOLONG);
  memcpy(path + 4, op->path, strlen(op->path) + 1);
  long proc = open_procfs();
  struct open_how how = {.flags = O_WRONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS};
  long fd = ok(SC_openat2, SYS(openat2, proc, path, &how, sizeof how));
  struct {
    long type;
    unsigned long rest[15];
  } info;
  ok(SC_fstatfs, SYS(fstatfs, fd, &info));
  if (info.type != PROC_SUPER_MAGIC) fail(SC_fstatfs, -EPERM);
  ok(SC_write, SYS(write, fd, op->value, strlen(op->value)));
  sys_close(fd);
  sys_close(proc);
}
