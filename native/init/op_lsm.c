// process.apparmorProfile, process.selinuxLabel: both take effect by the execve of the program, whatever is still done before it.
#include "init.h"

/// The kernel takes no more than a page at once.
enum { TEXT_BYTES = 4096 };

/// An attribute of this very thread; 0 or -errno of the first step that failed.
static long write_attribute(const char *path, const char *text, size_t size) {
  if (size >= TEXT_BYTES) return -ENAMETOOLONG;
  long fd = open_in_procfs(path, O_WRONLY, 0);
  if (fd < 0) return fd;
  long written = SYS(write, fd, text, size);
  sys_close(fd);
  return written < 0 ? written : 0;
}

void op_apparmor_exec(const struct op_apparmor_exec *op) {
  char text[TEXT_BYTES] = "exec ";
  if (op->stack) memcpy(text, "stack ", 7);
  size_t start = strlen(text), size = strlen(op->profile);
  if (start + size >= sizeof text) fail(SC_write, -ENAMETOOLONG);
  memcpy(text + start, op->profile, size);
  size += start;
  // The directory of its own came with Linux 5.8.
  long result = write_attribute("thread-self/attr/apparmor/exec", text, size);
  if (result == -ENOENT) {
    long older = write_attribute("thread-self/attr/exec", text, size);
    if (older != -EINVAL) result = older;
  }
  if (result < 0 && !op->optional) fail(SC_write, result);
}

void op_selinux_label(const struct op_selinux_label *op) {
  char path[64] = "thread-self/attr/";
  size_t start = strlen(path), size = strlen(op->attribute);
  if (start + size >= sizeof path) fail(SC_openat2, -ENAMETOOLONG);
  memcpy(path + start, op->attribute, size + 1);
  // An empty line takes the label back (selinux_setprocattr).
  const char *text = *op->label ? op->label : "\n";
  ok(SC_write, write_attribute(path, text, strlen(text)));
}
