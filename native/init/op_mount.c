// Mounts, on fds: what is mounted and where it goes are each resolved once (open_tree, fsmount, move_mount: Linux 5.2; mount_setattr: 5.12).
#include <linux/mount.h>
#include <linux/stat.h>

#include "init.h"

enum { RDONLY = 1, SYNCHRONOUS = 16, REMOUNT = 32, MANDLOCK = 64, DIRSYNC = 128, SILENT = 32768, I_VERSION = 1 << 23, LAZYTIME = 1 << 25, REC = 16384 };
enum { OPTION_BYTES = 65536, PROC_FD_BYTES = 40 };

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
  char option[OPTION_BYTES / 16];
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

/// mount(2), for data that has to stay whole: overlay's paths may hold escaped commas and colons, and iversion has no fsconfig word.
static int mount_whole(const struct op_mount_fs *op, int target) {
  char path[PROC_FD_BYTES] = "/proc/self/fd/";
  format_number(path + strlen(path), (uint64_t)target);
  ok(SC_mount, SYS(mount, op->source, path, op->type, op->flags, *op->data ? op->data : NULL));
  // The target's fd is below the new mount: its own path leads to it.
  long mount = ok(SC_openat2, root_open_path(op->target, O_PATH));
  set_mount_attributes((int)mount, op->attr_set, 0, 0);
  return (int)mount;
}

static int needs_whole_data(const struct op_mount_fs *op) {
  if (op->flags & I_VERSION) return 1;
  for (const char *p = op->data; *p; p++)
    if (*p == '\\') return 1;
  return 0;
}

/// The words for the mode of a tmpfs that has no mode= option: the directory's own, or the default where there was none.
static void config_mode(long context, const struct op_mount_fs *op, int target, int made) {
  if (op->mode < 0) return;
  uint32_t mode = (uint32_t)op->mode;
  if (!made) {
    struct statx info;
    ok(SC_statx, SYS(statx, target, "", AT_EMPTY_PATH, STATX_MODE, &info));
    mode = info.stx_mode & 07777;
  }
  char text[8] = {'0', (char)('0' + (mode >> 9 & 7)), (char)('0' + (mode >> 6 & 7)), (char)('0' + (mode >> 3 & 7)), (char)('0' + (mode & 7)), 0};
  ok(SC_fsconfig, SYS(fsconfig, context, FSCONFIG_SET_STRING, "mode", text, 0));
}

static int mount_parts(const struct op_mount_fs *op, int target, int made) {
  long context = ok(SC_fsopen, SYS(fsopen, op->type, FSOPEN_CLOEXEC));
  if (*op->source) ok(SC_fsconfig, SYS(fsconfig, context, FSCONFIG_SET_STRING, "source", op->source, 0));
  config_flags(context, op->flags);
  config_mode(context, op, target, made);
  config_data(context, op->data);
  ok(SC_fsconfig, SYS(fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0));
  long mount = ok(SC_fsmount, SYS(fsmount, context, FSMOUNT_CLOEXEC, op->attr_set));
  sys_close(context);
  if (op->copy_up && !made) {
    long source = ok(SC_openat2, root_open_path(op->target, O_RDONLY | O_DIRECTORY));
    copy_tree((int)source, (int)mount);
    sys_close(source);
  }
  attach_mount((int)mount, target);
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
  int mount = needs_whole_data(op) ? mount_whole(op, target) : mount_parts(op, target, made);
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
