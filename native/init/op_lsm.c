// process.apparmorProfile: takes effect by the execve of the program (aa_change_onexec).
#include "init.h"

enum { TEXT_BYTES = 4096 };

/// 0 or -errno of the first step that failed.
static long write_attribute(int proc, const char *path, const char *text, size_t size) {
  long fd = SYS(openat, proc, path, O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  long written = SYS(write, fd, text, size);
  sys_close(fd);
  return written < 0 ? written : 0;
}

void op_apparmor_exec(const struct op_apparmor_exec *op) {
  static const char word[] = "exec ";
  char text[TEXT_BYTES];
  size_t size = strlen(op->profile);
  if (size + sizeof word > sizeof text) fail(SC_write, -ENAMETOOLONG);
  memcpy(text, word, sizeof word - 1);
  memcpy(text + sizeof word - 1, op->profile, size);
  size += sizeof word - 1;
  int proc = (int)open_procfs();
  // The directory of its own came with Linux 5.8.
  long result = write_attribute(proc, "thread-self/attr/apparmor/exec", text, size);
  if (result == -ENOENT) {
    long older = write_attribute(proc, "thread-self/attr/exec", text, size);
    if (older != -EINVAL) result = older;
  }
  sys_close(proc);
  if (result < 0 && !op->optional) fail(SC_write, result);
}
