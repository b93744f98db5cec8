// What --no-pivot leaves of the host below the container's root: procfs and sysfs with nothing masked. As long as they can be seen in its mount
// namespace, a user namespace made in the container may mount both anew (mount_too_revealing in the kernel), so they are covered.
#include <linux/mman.h>

#include "init.h"

enum { TABLE_BYTES = 4 << 20, PATH_BYTES = 4096, SLAVE = 1 << 19, RDONLY = 1 };

/// All of mountinfo, in memory of its own.
static char *read_table(void) {
  long fd = ok(SC_openat2, open_in_procfs("self/mountinfo", O_RDONLY, 0));
  char *table = (char *)ok(SC_mmap, SYS(mmap, 0, TABLE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  size_t size = 0;
  for (long got; (got = ok(SC_read, SYS(read, fd, table + size, TABLE_BYTES - 1 - size))) > 0; size += (size_t)got)
    if (size + (size_t)got >= TABLE_BYTES - 1) fail(SC_read, -E2BIG);
  sys_close(fd);
  return table;
}

/// Where the new root is on the host, without links.
static void read_root_path(char *path) {
  char link[32] = "self/fd/";
  format_number(link + strlen(link), (uint64_t)self.root);
  long fd = ok(SC_openat2, open_in_procfs(link, O_PATH | O_NOFOLLOW, 0));
  long size = ok(SC_readlinkat, SYS(readlinkat, fd, "", path, PATH_BYTES - 1));
  path[size] = 0;
  sys_close(fd);
}

static const char *after_spaces(const char *at, int count) {
  for (; count && *at && *at != '\n'; at++) count -= *at == ' ';
  return at;
}

/// The mount point of a line, its escapes (\040) undone; 0 when it is longer than any path.
static int take_point(const char *line, char *point) {
  const char *at = after_spaces(line, 4);
  size_t size = 0;
  for (; *at && *at != ' '; at++) {
    if (size + 1 >= PATH_BYTES) return 0;
    if (*at == '\\' && at[1] && at[2] && at[3]) {
      point[size++] = (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
      at += 3;
    } else {
      point[size++] = *at;
    }
  }
  point[size] = 0;
  return 1;
}

/// The type stands behind a lone "-", as the number of fields before it varies.
static int is_revealing(const char *line) {
  for (const char *at = line; *at && *at != '\n'; at++)
    if (str_starts(at, " - ")) return str_starts(at + 3, "proc ") || str_starts(at + 3, "sysfs ");
  return 0;
}

static int is_below(const char *point, const char *root) {
  size_t size = strlen(root);
  return str_starts(point, root) && (point[size] == 0 || point[size] == '/');
}

/// Something empty over it. It is not unmounted: where the mount that it is on is shared, the host would lose it as well, and a user namespace
/// may not take apart what it was made with.
static void cover(const char *point) {
  long result = SYS(mount, 0, point, 0, SLAVE, 0);
  // Another mount hides the place: there is nothing to cover it by.
  if (result == -ENOENT || result == -EINVAL) return;
  ok(SC_mount, result);
  ok(SC_mount, SYS(mount, "tmpfs", point, "tmpfs", RDONLY, 0));
}

void hide_host_proc(void) {
  char root[PATH_BYTES], point[PATH_BYTES];
  read_root_path(root);
  const char *table = read_table();
  for (const char *line = table; *line;) {
    if (is_revealing(line)) {
      if (!take_point(line, point)) fail(SC_mount, -ENAMETOOLONG);
      if (!is_below(point, root)) cover(point);
    }
    while (*line && *line != '\n') line++;
    if (*line) line++;
  }
}
