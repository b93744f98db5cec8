// Mounts, on fds: what is mounted and where it goes are each resolved once (open_tree, fsmount, move_mount: Linux 5.2; mount_setattr: 5.12).
#include <linux/mount.h>
#include <linux/stat.h>

#include "init.h"

enum { RDONLY = 1, SYNCHRONOUS = 16, REMOUNT = 32, MANDLOCK = 64, DIRSYNC = 128, SILENT = 32768, LAZYTIME = 1 << 25, REC = 16384 };
enum { OPTION_BYTES = 512, DATA_BYTES = 4096 };

void attach_mount(int mount, int target) {
  ok(SC_move_mount, SYS(move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

int clone_mount(int fd, int recursive) {
  return (int)ok(SC_open_tree, SYS(open_tree, fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0)));
}

void set_mount_attributes(int mount, uint64_t set, uint64_t clear, int recursive) {
  if (set == 0 && clear == 0) return;
  struct mount_attr attributes = {.attr_set = set, .attr_clr = clear};
  ok(SC_mount_setattr, SYS(mount_setattr, mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attributes, sizeof attributes));
}

void set_propagation(int mount, uint64_t flags) {
  struct mount_attr attributes = {.propagation = flags & ~(uint64_t)REC};
  ok(SC_mount_setattr, SYS(mount_setattr, mount, "", AT_EMPTY_PATH | (flags & REC ? AT_RECURSIVE : 0), &attributes, sizeof attributes));
}

static void set_propagations(int mount, struct list list) {
  const char *item = list.first;
  for (uint64_t i = 0; i < list.count; i++, item = next_item(item)) set_propagation(mount, item_number(item));
}

int new_filesystem(const char *type, uint64_t attributes, const char *label) {
  long context = ok(SC_fsopen, SYS(fsopen, type, FSOPEN_CLOEXEC));
  if (*label) ok(SC_fsconfig, SYS(fsconfig, context, FSCONFIG_SET_STRING, "context", label, 0));
  ok(SC_fsconfig, SYS(fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0));
  long mount = ok(SC_fsmount, SYS(fsmount, context, FSMOUNT_CLOEXEC, attributes));
  sys_close(context);
  return (int)mount;
}

static void config_flag(long context, uint64_t flags, uint64_t flag, const char *name) {
  if (flags & flag) ok(SC_fsconfig, SYS(fsconfig, context, FSCONFIG_SET_FLAG, name, 0, 0));
}

/// Options of mount(8) that belong to the filesystem and not to the mount.
static void config_flags(long context, uint64_t flags) {
  config_flag(context, flags, RDONLY, "ro");
  config_flag(context, flags, SYNCHRONOUS, "sync");
  config_flag(context, flags, DIRSYNC, "dirsync");
  config_flag(context, flags, LAZYTIME, "lazytime");
  config_flag(context, flags, MANDLOCK, "mand");
}

/// "a=b,c" -> one fsconfig each. A comma within double quotes (SELinux contexts) does not separate.
static void config_data(long context, const char *data) {
  char option[OPTION_BYTES];
  while (*data) {
    size_t size = 0, value = 0;
    for (int quoted = 0; *data && (*data != ',' || quoted); data++) {
      if (*data == '"') {
        quoted = !quoted;
        continue;
      }
      if (size + 2 >= sizeof option) fail(SC_fsconfig, -ENAMETOOLONG);
      int is_equals = *data == '=' && value == 0;
      option[size++] = is_equals ? 0 : *data;
      if (is_equals) value = size;
    }
    option[size] = 0;
    if (*data) data++;
    if (!*option) continue;
    if (value)
      ok(SC_fsconfig, SYS(fsconfig, context, FSCONFIG_SET_STRING, option, option + value, 0));
    else
      ok(SC_fsconfig, SYS(fsconfig, context, FSCONFIG_SET_FLAG, option, 0, 0));
  }
}

static uint64_t mount_id(int fd, int *is_root) {
  struct statx info;
  ok(SC_statx, SYS(statx, fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &info));
  *is_root = (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  return info.stx_mnt_id;
}

/// mount(2), for what fsconfig cannot take: escaped data, iversion, values of more than 255 bytes. It is attached at once.
static int mount_whole(const struct op_mount_fs *op, int target, int mode) {
  // The kernel cuts off what is too long.
  if (strlen(op->data) >= DATA_BYTES) fail(SC_mount, -ENAMETOOLONG);
  // By the working directory: a path through /proc might lead elsewhere in a mount namespace that is joined.
  long here = ok(SC_openat, SYS(openat, AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
  ok(SC_fchdir, SYS(fchdir, target));
  ok(SC_mount, SYS(mount, op->source, ".", op->type, op->flags, *op->data ? op->data : NULL));
  ok(SC_fchdir, SYS(fchdir, here));
  sys_close(here);
  // The target's fd is below the new mount: its own path leads to it, unless somebody has changed that meanwhile.
  int mount = (int)ok(SC_openat2, root_open_path(op->target, O_PATH)), was_root, is_root;
  uint64_t before = mount_id(target, &was_root);
  if (mount_id(mount, &is_root) == before || !is_root) fail(SC_mount, -ESTALE);
  set_mount_attributes(mount, op->attr_set, 0, 0);
  if (mode >= 0) ok(SC_fchmodat, SYS(fchmodat, mount, ".", mode));
  return mount;
}

/// The mode of a tmpfs that has no mode= option: the directory's own, or the default where there was none; -1: as the filesystem likes.
static int wanted_mode(const struct op_mount_fs *op, int target, int made) {
  if (op->mode < 0 || made) return (int)op->mode;
  struct statx info;
  ok(SC_statx, SYS(statx, target, "", AT_EMPTY_PATH, STATX_MODE, &info));
  return info.stx_mode & 07777;
}

static void config_mode(long context, int mode) {
  if (mode < 0) return;
  char text[8] = {'0', (char)('0' + (mode >> 9 & 7)), (char)('0' + (mode >> 6 & 7)), (char)('0' + (mode >> 3 & 7)), (char)('0' + (mode & 7)), 0};
  ok(SC_fsconfig, SYS(fsconfig, context, FSCONFIG_SET_STRING, "mode", text, 0));
}

/// Detached.
static int mount_parts(const struct op_mount_fs *op, int mode) {
  long context = ok(SC_fsopen, SYS(fsopen, op->type, FSOPEN_CLOEXEC));
  if (*op->source) ok(SC_fsconfig, SYS(fsconfig, context, FSCONFIG_SET_STRING, "source", op->source, 0));
  config_flags(context, op->flags);
  config_mode(context, mode);
  config_data(context, op->data);
  ok(SC_fsconfig, SYS(fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0));
  long mount = ok(SC_fsmount, SYS(fsmount, context, FSMOUNT_CLOEXEC, op->attr_set));
  sys_close(context);
  return (int)mount;
}

/// For a filesystem that takes its SELinux label as an attribute of its root, and not as an option.
static void label_root(int mount, const char *label) {
  long root = ok(SC_openat, SYS(openat, mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
  ok(SC_fsetxattr, SYS(fsetxattr, root, "security.selinux", label, strlen(label), 0));
  sys_close(root);
}

void op_mount_fs(const struct op_mount_fs *op) {
  int made = 0;
  // A link in the image at /proc or /sys would put the kernel's files elsewhere (CVE-2025-54867, CVE-2023-28642).
  int is_kernel = str_eq(op->type, "proc") || str_eq(op->type, "sysfs");
  int target = is_kernel ? make_true_directory(op->target) : make_directory(op->target, 0755, &made);
  // What lies under it now, and is hidden afterwards.
  int mode = wanted_mode(op, target, made);
  long under = op->copy_up && !made ? ok(SC_openat, SYS(openat, target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)) : -1;
  int mount = op->whole ? mount_whole(op, target, mode) : mount_parts(op, mode);
  if (under >= 0) copy_tree((int)under, mount);
  sys_close(under);
  if (op->idmap) {
    // Of a user namespace that init has no rights to.
    report(RECORD_ASK, (int64_t)op->idmap, mount);
    await_point(op->idmap);
  }
  if (!op->whole) attach_mount(mount, target);
  if (*op->root_label) label_root(mount, op->root_label);
  set_propagations(mount, op->propagation);
  sys_close(mount);
  sys_close(target);
}

void op_mount_bind(const struct op_mount_bind *op) {
  long mount = op->given ? receive_fd() : SYS(open_tree, AT_FDCWD, op->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (op->recursive ? AT_RECURSIVE : 0));
  ok(SC_open_tree, mount);
  struct statx info;
  ok(SC_statx, SYS(statx, mount, "", AT_EMPTY_PATH, STATX_TYPE, &info));
  int is_directory = (info.stx_mode & 0170000) == 0040000;
  int target = is_directory ? make_directory(op->target, 0755, NULL) : make_file(op->target);
  set_mount_attributes((int)mount, op->attr_set, op->attr_clear, 0);
  set_mount_attributes((int)mount, op->rec_attr_set, op->rec_attr_clear, 1);
  attach_mount((int)mount, target);
  set_propagations((int)mount, op->propagation);
  sys_close(target);
  sys_close(mount);
}

/// Superblock options change by fspick; the mount's own by mount_setattr.
static void reconfigure(const struct op_mount_remount *op, long mount) {
  long context = ok(SC_fsopen, SYS(fspick, mount, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH));
  ok(SC_fsconfig, SYS(fsconfig, context, FSCONFIG_SET_FLAG, op->flags & RDONLY ? "ro" : "rw", 0, 0));
  config_flags(context, op->flags & ~(uint64_t)RDONLY);
  config_data(context, op->data);
  ok(SC_fsconfig, SYS(fsconfig, context, FSCONFIG_CMD_RECONFIGURE, 0, 0, 0));
  sys_close(context);
}

void op_mount_remount(const struct op_mount_remount *op) {
  long mount = ok(SC_openat2, root_open_path(op->target, O_PATH));
  if (!op->bind) reconfigure(op, mount);
  set_mount_attributes((int)mount, op->attr_set, op->attr_clear, 0);
  set_mount_attributes((int)mount, op->rec_attr_set, op->rec_attr_clear, 1);
  set_propagations((int)mount, op->propagation);
  sys_close(mount);
}

void op_mount_propagation(const struct op_mount_propagation *op) {
  long mount = ok(SC_openat2, root_open_path(op->target, O_PATH));
  set_propagations((int)mount, op->propagation);
  sys_close(mount);
}
