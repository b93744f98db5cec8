// The program: found before `created`, run after `start`.
#include <linux/mman.h>
#include <linux/stat.h>

#include "init.h"

enum { PATH_BYTES = 4096, EXECUTE = 1, PASSWD_BYTES = 65536 };
enum { START_BYTES = 5 };

static char program[PATH_BYTES];
static char home[PATH_BYTES] = "";

/// 0 when the file can be executed by who we are now.
static long try_program(const char *path) {
  struct statx info;
  long result = SYS(statx, AT_FDCWD, path, 0, STATX_TYPE, &info);
  if (result < 0) return result;
  if ((info.stx_mode & 0170000) == 0040000) return -EACCES;
  return SYS(faccessat2, AT_FDCWD, path, EXECUTE, AT_EACCESS);
}

static void join_path(const char *directory, const char *file) {
  size_t size = strlen(directory);
  if (size + strlen(file) + 2 > sizeof program) fail(SC_execve, -ENAMETOOLONG);
  memcpy(program, directory, size);
  // An empty entry is the working directory (execvp(3)).
  if (size && program[size - 1] != '/') program[size++] = '/';
  memcpy(program + size, file, strlen(file) + 1);
}

void op_exec_lookup(const struct op_exec_lookup *op) {
  int has_slash = 0;
  for (const char *p = op->file; *p; p++) has_slash |= *p == '/';
  if (has_slash) {
    join_path("", op->file);
    ok(SC_execve, try_program(program));
    return;
  }
  long result = -ENOENT;
  const char *directory = op->paths.first;
  for (uint64_t i = 0; i < op->paths.count; i++, directory = next_item(directory)) {
    join_path(directory, op->file);
    long tried = try_program(program);
    if (tried == 0) return;
    if (tried == -EACCES) result = tried;
  }
  fail(SC_execve, result);
}

/// The number at the cursor when it ends with a colon; moves behind it.
static int take_uid(const char **at, uint64_t *uid) {
  const char *p = *at;
  uint64_t number = 0;
  // The image has written it: a number of any length.
  for (; *p >= '0' && *p <= '9'; p++)
    if (__builtin_mul_overflow(number, 10u, &number) || __builtin_add_overflow(number, (unsigned)(*p - '0'), &number)) return 0;
  *uid = number;
  if (p == *at || *p != ':') return 0;
  *at = p + 1;
  return 1;
}

static const char *after_colon(const char *p) {
  while (*p && *p != ':' && *p != '\n') p++;
  return *p == ':' ? p + 1 : NULL;
}

/// name:password:uid:gid:comment:home:shell
static int take_home(const char *line, uint64_t uid) {
  uint64_t found;
  const char *at = after_colon(line);
  if (!at || !(at = after_colon(at)) || !take_uid(&at, &found) || found != uid) return 0;
  if (!(at = after_colon(at)) || !(at = after_colon(at))) return 0;
  size_t size = 0;
  while (at[size] && at[size] != ':' && at[size] != '\n') size++;
  if (size == 0 || size + 6 > sizeof home) return 0;
  memcpy(home + 5, at, size);
  home[5 + size] = 0;
  return 1;
}

void op_env_home(const struct op_env_home *op) {
  static char passwd[PASSWD_BYTES];
  memcpy(home, "HOME=/", 7);
  long fd = SYS(openat, AT_FDCWD, "/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
  if (fd < 0) return;
  long size = SYS(read, fd, passwd, sizeof passwd - 1);
  sys_close(fd);
  if (size <= 0) return;
  passwd[size] = 0;
  for (const char *line = passwd; *line; line++) {
    if (take_home(line, op->uid)) return;
    while (*line && *line != '\n') line++;
    if (!*line) return;
  }
}

/// Lets go of the parent. Whoever sends "start" on the start socket hears how it goes on; everyone else is hung up on.
void op_start_wait(const struct op_start_wait *op) {
  (void)op;
  report(RECORD_CREATED, 0, -1);
  sys_close(self.sync);
  self.sync = self.report = -1;
  for (;;) {
    long peer = SYS(accept4, self.start, 0, 0, O_CLOEXEC);
    if (peer == -EINTR || peer == -ECONNABORTED) continue;
    ok(SC_accept4, peer);
    char word[START_BYTES + 1];
    long size;
    do size = SYS(read, peer, word, sizeof word);
    while (size == -EINTR);
    if (size == START_BYTES && memcmp(word, "start", START_BYTES) == 0) {
      sys_close(self.start);
      self.report = (int)peer;
      return;
    }
    sys_close(peer);
  }
}

/// Pointers to the items of a list, ended by NULL, in memory of their own; `extra` goes last when it is not empty.
static const char **pointers(struct list list, const char *extra) {
  size_t bytes = (list.count + 2) * sizeof(char *);
  const char **items = (const char **)ok(SC_mmap, SYS(mmap, 0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  const char *item = list.first;
  uint64_t count = 0;
  for (; count < list.count; count++, item = next_item(item)) items[count] = item;
  if (*extra) items[count] = extra;
  return items;
}

void op_exec_run(const struct op_exec_run *op) {
  fail(SC_execve, SYS(execve, program, pointers(op->args, ""), pointers(op->env, home)));
}

/// For hooks: the same lists.
const char **list_pointers(struct list list) {
  return pointers(list, "");
}
