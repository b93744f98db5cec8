// The root filesystem: bind it, make it /, leave the old one behind.
#include <linux/mount.h>
#include <linux/stat.h>

#include "init.h"

enum { MS_MOVE_ = 8192, MS_REC_ = 16384, MS_PRIVATE_ = 1 << 18, MS_SLAVE_ = 1 << 19, MNT_DETACH_ = 2, RDONLY = 1, PATH_BYTES = 4096 };

void op_mountns_propagation(const struct op_mountns_propagation *op) {
  ok(SC_mount, SYS(mount, 0, "/", 0, op->flags, 0));
}

/// pivot_root refuses a root whose parent mount is shared, and a shared parent would show our mounts outside (rootfsPropagation: shared).
static void make_parent_private(const char *path) {
  char parent[PATH_BYTES];
  size_t size = strlen(path);
  if (size >= sizeof parent) fail(SC_mount, -ENAMETOOLONG);
  memcpy(parent, path, size + 1);
  // The nearest ancestor that is a mount point: EINVAL says that a path is none.
  for (;;) {
    long result = SYS(mount, 0, *parent ? parent : "/", 0, MS_PRIVATE_, 0);
    if (result >= 0 || !*parent) {
      ok(SC_mount, result);
      return;
    }
    if (result != -EINVAL) fail(SC_mount, result);
    while (size && parent[size - 1] != '/') size--;
    while (size && parent[size - 1] == '/') size--;
    parent[size] = 0;
  }
}

static void bind_root(const char *source) {
  long target = ok(SC_openat, SYS(openat, AT_FDCWD, source, O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
  self.root = clone_mount((int)target, 1);
  attach_mount(self.root, (int)target);
  sys_close(target);
}

void op_root_bind(const struct op_root_bind *op) {
  make_parent_private(op->source);
  bind_root(op->source);
}

void op_root_follow(const struct op_root_follow *op) {
  bind_root(op->source);
}

void op_root_open(const struct op_root_open *op) {
  self.root = (int)ok(SC_openat, SYS(openat, AT_FDCWD, op->source, O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
}

void op_root_readonly(const struct op_root_readonly *op) {
  (void)op;
  set_mount_attributes(self.root, RDONLY, 0, 0);
}

void op_root_propagation(const struct op_root_propagation *op) {
  ok(SC_mount, SYS(mount, 0, "/", 0, op->flags, 0));
}

/// The old root is stacked under the new one, so that no directory is needed for it; it is detached at once.
void op_root_pivot(const struct op_root_pivot *op) {
  (void)op;
  long old = ok(SC_open, SYS(openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
  ok(SC_fchdir, SYS(fchdir, self.root));
  ok(SC_pivot_root, SYS(pivot_root, ".", "."));
  ok(SC_fchdir, SYS(fchdir, old));
  // What is unmounted here must not be unmounted on the host.
  ok(SC_mount, SYS(mount, 0, ".", 0, MS_SLAVE_ | MS_REC_, 0));
  ok(SC_umount2, SYS(umount2, ".", MNT_DETACH_));
  sys_close(old);
  ok(SC_chdir, SYS(chdir, "/"));
}

void op_root_move(const struct op_root_move *op) {
  (void)op;
  hide_host_proc();
  // A shared / (rootfsPropagation: shared) would show the container's root on the host, over all that it has.
  ok(SC_mount, SYS(mount, 0, "/", 0, MS_SLAVE_, 0));
  ok(SC_fchdir, SYS(fchdir, self.root));
  ok(SC_mount, SYS(mount, ".", "/", 0, MS_MOVE_, 0));
  ok(SC_chroot, SYS(chroot, "."));
  ok(SC_chdir, SYS(chdir, "/"));
}

void op_root_chroot(const struct op_root_chroot *op) {
  (void)op;
  ok(SC_fchdir, SYS(fchdir, self.root));
  ok(SC_chroot, SYS(chroot, "."));
  ok(SC_chdir, SYS(chdir, "/"));
}
