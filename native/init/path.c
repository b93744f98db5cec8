// Container paths -> fds. Nothing is resolved but by openat2 under the root fd, so that a link in the image cannot lead out of it,
// and no path string is resolved twice: what is made or mounted, is made on the fd of its parent.
#include <linux/openat2.h>
#include <linux/stat.h>

#include "init.h"

enum { PATH_BYTES = 4096, NAME_BYTES = 256, MAX_LINKS = 40, AGAIN = 32 };

static long open_in_root(const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  while (*path == '/') path++;
  struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = RESOLVE_IN_ROOT | resolve};
  long fd;
  // EAGAIN: a rename or mount came in between (openat2(2)); an attacker may do that for a while, not for ever.
  int tries = AGAIN;
  do fd = SYS(openat2, self.root, *path ? path : ".", &how, sizeof how);
  while (fd == -EAGAIN && tries--);
  return fd;
}

long root_open_path(const char *path, uint64_t flags) {
  return open_in_root(path, flags, 0, 0);
}

/// Copies one component to `name` and returns what follows it; NULL at the end. "." and empty ones are skipped.
static const char *take_component(const char *path, char *name) {
  for (;;) {
    while (*path == '/') path++;
    if (!*path) return NULL;
    size_t size = 0;
    while (path[size] && path[size] != '/') size++;
    if (size >= NAME_BYTES) fail(SC_mkdirat, -ENAMETOOLONG);
    memcpy(name, path, size);
    name[size] = 0;
    path += size;
    if (!str_eq(name, ".")) return path;
  }
}

/// The path without its last component in `parent`, that component in `name`. The path has at least one.
static void split(const char *path, char *parent, char *name) {
  size_t size = strlen(path);
  if (size >= PATH_BYTES) fail(SC_openat2, -ENAMETOOLONG);
  while (size && path[size - 1] == '/') size--;
  size_t start = size;
  while (start && path[start - 1] != '/') start--;
  if (size - start >= NAME_BYTES || size == start) fail(SC_openat2, size == start ? -EINVAL : -ENAMETOOLONG);
  memcpy(name, path + start, size - start);
  name[size - start] = 0;
  if (str_eq(name, ".") || str_eq(name, "..")) fail(SC_openat2, -EINVAL);
  memcpy(parent, path, start);
  parent[start] = 0;
}

/// A link that points to nothing yet: its text, so that what it points to can be made inside of the root.
static int dangling_link(const char *path, char *text) {
  long fd = root_open_path(path, O_PATH | O_NOFOLLOW);
  if (fd < 0) return 0;
  long size = SYS(readlinkat, fd, "", text, PATH_BYTES - 1);
  sys_close(fd);
  if (size <= 0) return 0;
  text[size] = 0;
  return 1;
}

static int make_directory_links(const char *path, uint32_t mode, int *made, int links) {
  long fd = root_open_path(path, O_PATH | O_DIRECTORY);
  if (fd >= 0) return (int)fd;
  if (fd != -ENOENT) fail(SC_openat2, fd);
  // Component by component: each is opened again under the root, by the path that was walked so far.
  char walked[PATH_BYTES], name[NAME_BYTES];
  size_t size = 0;
  if (strlen(path) + 2 >= PATH_BYTES) fail(SC_mkdirat, -ENAMETOOLONG);
  walked[0] = 0;
  int parent = (int)ok(SC_openat2, root_open_path("/", O_PATH | O_DIRECTORY));
  while ((path = take_component(path, name))) {
    walked[size++] = '/';
    memcpy(walked + size, name, strlen(name) + 1);
    size += strlen(name);
    long next = root_open_path(walked, O_PATH | O_DIRECTORY);
    if (next == -ENOENT) {
      char target[PATH_BYTES];
      if (dangling_link(walked, target)) {
        if (links == 0) fail(SC_openat2, -ELOOP);
        char joined[PATH_BYTES];
        size_t stem = target[0] == '/' ? 0 : size - strlen(name);
        if (stem + strlen(target) >= PATH_BYTES) fail(SC_openat2, -ENAMETOOLONG);
        memcpy(joined, walked, stem);
        memcpy(joined + stem, target, strlen(target) + 1);
        next = make_directory_links(joined, mode, made, links - 1);
      } else {
        long result = SYS(mkdirat, parent, name, mode);
        if (result < 0 && result != -EEXIST) fail(SC_mkdirat, result);
        next = ok(SC_openat2, root_open_path(walked, O_PATH | O_DIRECTORY));
        if (made) *made = 1;
      }
    }
    ok(SC_openat2, next);
    sys_close(parent);
    parent = (int)next;
  }
  return parent;
}

int make_directory(const char *path, uint32_t mode, int *made) {
  long mask = SYS(umask, 0);
  int fd = make_directory_links(path, mode, made, MAX_LINKS);
  SYS(umask, mask);
  return fd;
}

int open_parent(const char *path, char *name) {
  char parent[PATH_BYTES];
  split(path, parent, name);
  return make_directory(parent, 0755, NULL);
}

static int make_file_links(const char *path, int links) {
  long fd = root_open_path(path, O_PATH);
  if (fd >= 0) return (int)fd;
  if (fd != -ENOENT) fail(SC_openat2, fd);
  char target[PATH_BYTES], name[PATH_BYTES];
  if (dangling_link(path, target)) {
    if (links == 0) fail(SC_openat2, -ELOOP);
    char parent[PATH_BYTES];
    split(path, parent, name);
    size_t stem = target[0] == '/' ? 0 : strlen(parent);
    if (stem + strlen(target) >= PATH_BYTES) fail(SC_openat2, -ENAMETOOLONG);
    memcpy(parent + stem, target, strlen(target) + 1);
    return make_file_links(parent, links - 1);
  }
  int parent = open_parent(path, name);
  fd = SYS(openat, parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, 0644);
  sys_close(parent);
  if (fd < 0 && fd != -EEXIST) fail(SC_openat, fd);
  sys_close(fd);
  return (int)ok(SC_openat2, root_open_path(path, O_PATH));
}

int make_file(const char *path) {
  return make_file_links(path, MAX_LINKS);
}

int make_true_directory(const char *path) {
  long fd = open_in_root(path, O_PATH | O_NOFOLLOW, 0, 0);
  if (fd == -ENOENT) {
    sys_close(make_directory(path, 0755, NULL));
    // Who shares the root filesystem may have been faster, with a link.
    fd = open_in_root(path, O_PATH | O_NOFOLLOW, 0, 0);
  }
  ok(SC_openat2, fd);
  struct statx info;
  ok(SC_statx, SYS(statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &info));
  if ((info.stx_mode & 0170000) != 0040000) fail(SC_openat2, (info.stx_mode & 0170000) == 0120000 ? -ELOOP : -ENOTDIR);
  return (int)fd;
}

void op_path_mkdir(const struct op_path_mkdir *op) {
  sys_close(make_directory(op->target, (uint32_t)op->mode, NULL));
}

void op_path_symlink(const struct op_path_symlink *op) {
  if (*op->requires) {
    long fd = root_open_path(op->requires, O_PATH);
    if (fd < 0) return;
    sys_close(fd);
  }
  char name[PATH_BYTES];
  int parent = open_parent(op->target, name);
  long result = SYS(symlinkat, op->link, parent, name);
  if (result == -EEXIST && op->replace) {
    long removed = SYS(unlinkat, parent, name, 0);
    // A directory stays; so does what cannot be removed.
    result = removed < 0 ? 0 : SYS(symlinkat, op->link, parent, name);
  }
  if (result < 0 && result != -EEXIST) fail(SC_symlinkat, result);
  sys_close(parent);
}

void op_path_mask(const struct op_path_mask *op) {
  long target = root_open_path(op->target, O_PATH);
  if (target == -ENOENT || target == -ENOTDIR || target == -EACCES) return;
  ok(SC_openat2, target);
  struct statx info;
  ok(SC_statx, SYS(statx, target, "", AT_EMPTY_PATH, STATX_TYPE, &info));
  if ((info.stx_mode & 0170000) == 0040000) {
    enum { RDONLY = 1 };
    if (self.empty < 0) {
      self.empty = new_filesystem("tmpfs", RDONLY, op->label);
      attach_mount(self.empty, (int)target);
    } else {
      int copy = clone_mount(self.empty, 0);
      attach_mount(copy, (int)target);
      sys_close(copy);
    }
  } else {
    op_null_open(NULL);
    int copy = clone_mount(self.null, 0);
    attach_mount(copy, (int)target);
    sys_close(copy);
  }
  sys_close(target);
}

void op_path_readonly(const struct op_path_readonly *op) {
  enum { RDONLY = 1 };
  long target = root_open_path(op->target, O_PATH);
  if (target == -ENOENT || target == -ENOTDIR || target == -EACCES) return;
  ok(SC_openat2, target);
  int copy = clone_mount((int)target, 1);
  set_mount_attributes(copy, RDONLY, 0, 1);
  attach_mount(copy, (int)target);
  sys_close(copy);
  sys_close(target);
}
