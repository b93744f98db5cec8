// tmpcopyup: a new tmpfs begins with what the directory under it holds: owners, modes, times, links, devices, extended attributes.
#include <linux/stat.h>

#include "init.h"

enum { BUFFER_BYTES = 65536, XATTR_BYTES = 4096, MAX_DEPTH = 64, TYPE_MASK = 0170000, DIRECTORY = 0040000, LINK = 0120000, REGULAR = 0100000 };

struct directory_entry {
  uint64_t inode;
  int64_t offset;
  unsigned short size;
  unsigned char type;
  char name[];
};

static void copy_level(int from, int to, int depth);

static void copy_content(long from, long to) {
  for (;;) {
    long copied = SYS(sendfile, to, from, 0, 1 << 30);
    if (copied == 0) return;
    ok(SC_write, copied);
  }
}

static void copy_attributes(long from, long to) {
  char names[XATTR_BYTES], value[XATTR_BYTES];
  long size = SYS(flistxattr, from, names, sizeof names);
  for (long at = 0; at < size; at += (long)strlen(names + at) + 1) {
    long length = SYS(fgetxattr, from, names + at, value, sizeof value);
    // Best effort: tmpfs takes only some of them.
    if (length >= 0) SYS(fsetxattr, to, names + at, value, length, 0);
  }
}

static void copy_owner(int to, const char *name, const struct statx *info) {
  ok(SC_fchown, SYS(fchownat, to, name, info->stx_uid, info->stx_gid, AT_SYMLINK_NOFOLLOW));
  if ((info->stx_mode & TYPE_MASK) != LINK) ok(SC_fchmodat, SYS(fchmodat, to, name, info->stx_mode & 07777));
  long times[4] = {info->stx_atime.tv_sec, info->stx_atime.tv_nsec, info->stx_mtime.tv_sec, info->stx_mtime.tv_nsec};
  ok(SC_utimensat, SYS(utimensat, to, name, times, AT_SYMLINK_NOFOLLOW));
}

static void copy_link(int from, int to, const char *name) {
  char text[XATTR_BYTES];
  long size = ok(SC_readlinkat, SYS(readlinkat, from, name, text, sizeof text - 1));
  text[size] = 0;
  ok(SC_symlinkat, SYS(symlinkat, text, to, name));
}

static void copy_entry(int from, int to, const char *name, int depth) {
  struct statx info;
  ok(SC_statx, SYS(statx, from, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &info));
  uint32_t type = info.stx_mode & TYPE_MASK;
  if (type == LINK) {
    copy_link(from, to, name);
  } else if (type == DIRECTORY || type == REGULAR) {
    int flags = O_NOFOLLOW | O_CLOEXEC | (type == DIRECTORY ? O_DIRECTORY : 0);
    long source = ok(SC_openat, SYS(openat, from, name, flags | O_RDONLY, 0));
    if (type == DIRECTORY) ok(SC_mkdirat, SYS(mkdirat, to, name, 0700));
    long target = ok(SC_openat, SYS(openat, to, name, flags | (type == DIRECTORY ? O_RDONLY : O_WRONLY | O_CREAT | O_EXCL), 0600));
    if (type == DIRECTORY)
      copy_level((int)source, (int)target, depth + 1);
    else
      copy_content(source, target);
    copy_attributes(source, target);
    sys_close(source);
    sys_close(target);
  } else {
    uint32_t device = (info.stx_rdev_minor & 0xff) | (info.stx_rdev_major & 0xfff) << 8 | (info.stx_rdev_minor & ~0xffu) << 12;
    ok(SC_mknodat, SYS(mknodat, to, name, info.stx_mode, device));
  }
  copy_owner(to, name, &info);
}

static void copy_level(int from, int to, int depth) {
  if (depth > MAX_DEPTH) fail(SC_getdents64, -ELOOP);
  // Small, since there is one a level on the stack.
  char buffer[2048] __attribute__((aligned(8)));
  long size;
  while ((size = ok(SC_getdents64, SYS(getdents64, from, buffer, sizeof buffer))) > 0) {
    for (long at = 0; at < size;) {
      const struct directory_entry *entry = (const void *)(buffer + at);
      if (!str_eq(entry->name, ".") && !str_eq(entry->name, "..")) copy_entry(from, to, entry->name, depth);
      at += entry->size;
    }
  }
}

void copy_tree(int from, int to) {
  copy_level(from, to, 0);
  struct statx info;
  ok(SC_statx, SYS(statx, from, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &info));
  long root = ok(SC_openat, SYS(openat, to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
  copy_owner((int)root, ".", &info);
  sys_close(root);
}
