// The device rules of cgroup v2 are an eBPF program on the cgroup (bpf(2), Linux 4.15); TypeScript makes it, we load and attach it.
#include "shim.h"
#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_INSTRUCTIONS = 4096 };

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/// Hexadecimal digits -> instructions; their number, or -EINVAL.
static int64_t decode(const char *text, struct bpf_insn *instructions) {
  size_t length = strlen(text);
  if (length == 0 || length % (2 * sizeof *instructions) != 0 || length > 2 * MAX_INSTRUCTIONS * sizeof *instructions) return -EINVAL;
  unsigned char *bytes = (unsigned char *)instructions;
  for (size_t i = 0; i < length / 2; i++) {
    int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return -EINVAL;
    bytes[i] = (unsigned char)(high << 4 | low);
  }
  return (int64_t)(length / (2 * sizeof *instructions));
}

static int64_t bpf(int command, union bpf_attr *attributes) {
  long result = syscall(SYS_bpf, command, attributes, sizeof *attributes);
  return result < 0 ? -errno : result;
}

int64_t tsr_attach_device_filter(const char *directory, const char *program) {
  static struct bpf_insn instructions[MAX_INSTRUCTIONS];
  int64_t count = decode(program, instructions);
  if (count < 0) return count;
  union bpf_attr load;
  memset(&load, 0, sizeof load);
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insns = (uint64_t)(uintptr_t)instructions;
  load.insn_cnt = (uint32_t)count;
  load.license = (uint64_t)(uintptr_t) "Apache";
  int64_t loaded = bpf(BPF_PROG_LOAD, &load);
  if (loaded < 0) return loaded;
  int cgroup = open(directory, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  int64_t result = cgroup < 0 ? -errno : 0;
  if (result == 0) {
    union bpf_attr attach;
    memset(&attach, 0, sizeof attach);
    attach.attach_type = BPF_CGROUP_DEVICE;
    attach.target_fd = (uint32_t)cgroup;
    attach.attach_bpf_fd = (uint32_t)loaded;
    attach.attach_flags = BPF_F_ALLOW_MULTI;
    result = bpf(BPF_PROG_ATTACH, &attach);
    close(cgroup);
  }
  close((int)loaded);
  return result;
}
