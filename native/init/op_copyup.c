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

/// Never part of another frame: the recursion has one of them for each level.
#define LEAF __attribute__((noinline))

static void copy_level(int from, int to, int depth);

static void copy_content(long from, long to) {
  for (;;) {
    long copied = SYS(sendfile, to, from, 0, 1 << 30);
    if (copied == 0) return;
    ok(SC_write, copied);
  }
}

static LEAF void copy_attributes(long from, long to) {
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

static LEAF void copy_link(int from, int to, const char *name) {
  char text[XATTR_BYTES];
  long size = ok(SC_readlinkat, SYS(readlinkat, from, name, text, sizeof text - 1));
  text[size] = 0;
  ok(SC_symlinkat, SYS(symlinkat, text, to, name));
}

/// A directory or a file with content.
static void copy_opened(int from, int to, const char *name, const struct statx *info, int depth) {
  int is_directory = (info->stx_mode & TYPE_MASK) == DIRECTORY;
  // Not blocking, and looked at again: who shares the root filesystem may have put a FIFO in the place of the file.
  int flags = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (is_directory ? O_DIRECTORY : 0);
  long source = ok(SC_openat, SYS(openat, from, name, flags | O_RDONLY, 0));
  struct statx opened;
  ok(SC_statx, SYS(statx, source, "", AT_EMPTY_PATH, STATX_TYPE, &opened));
  if ((opened.stx_mode & TYPE_MASK) != (info->stx_mode & TYPE_MASK)) fail(SC_openat, -ESTALE);
  if (is_directory) ok(SC_mkdirat, SYS(mkdirat, to, name, 0700));
  long target = ok(SC_openat, SYS(openat, to, name, flags | (is_directory ? O_RDONLY : O_WRONLY | O_CREAT | O_EXCL), 0600));
  if (is_directory)
    copy_level((int)source, (int)target, depth + 1);
  else
    copy_content(source, target);
  // Before the attributes: a new owner takes the file's capabilities away.
  copy_owner(to, name, info);
  copy_attributes(source, target);
  sys_close(source);
  sys_close(target);
}

static void copy_entry(int from, int to, const char *name, int depth) {
  struct statx info;
  ok(SC_statx, SYS(statx, from, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &info));
  uint32_t type = info.stx_mode & TYPE_MASK;
  if (type == DIRECTORY || type == REGULAR) {
    copy_opened(from, to, name, &info, depth);
    return;
  }
  if (type == LINK) {
    copy_link(from, to, name);
  } else {
    uint32_t device = (info.stx_rdev_minor & 0xff) | (info.stx_rdev_major & 0xfff) << 8 | (info.stx_rdev_minor & ~0xffu) << 12;
    ok(SC_mknodat, SYS(mknodat, to, name, info.stx_mode, device));
  }
  copy_owner(to, name, &info);
}

static void copy_level(int from, int to, int depth) {
  if (depth > MAX_DEPTH) fail(SC_getdents64, -ELOOP);
  // Small, since each level has one on the stack.
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
