// Seccomp filters: profiles (src/plan/seccomp.ts) compiled by libseccomp, and kept by their key, since compiling one of an engine
// takes longer than starting a container.
#include "shim.h"
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_PATH = 4096, MAX_ARCHITECTURES = 32, MAX_ARGUMENTS = 6, MAX_KEY = 4 << 20, X32_BIT = 0x40000000, BINARY_TREE = 2 };

/// In front of a kept filter: this, then the key, then the instructions.
struct header {
  char magic[8];
  uint32_t version;
  uint32_t key_length;
};
static const struct header HEADER = {.magic = "TSRUNBPF", .version = SCMP_VER_MAJOR << 16 | SCMP_VER_MINOR << 8 | SCMP_VER_MICRO};

/// FNV-1a: only a file's name. The key is in the file, and compared in full.
static uint64_t hash(const char *bytes, size_t length) {
  uint64_t value = 0xcbf29ce484222325;
  for (size_t i = 0; i < length; i++) value = (value ^ (unsigned char)bytes[i]) * 0x100000001b3;
  return value;
}

static bool path_of(char *path, const char *directory, const char *key, size_t key_length, const char *suffix) {
  return (size_t)snprintf(path, MAX_PATH, "%s/%016llx%s", directory, (unsigned long long)hash(key, key_length), suffix) < MAX_PATH;
}

/// The file is ours alone, has this key, and whole instructions: its offset is then at the first one.
static bool is_good(int fd, const char *key, size_t key_length) {
  struct stat info;
  struct header header;
  if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & 022)) return false;
  if (read(fd, &header, sizeof header) != sizeof header || memcmp(header.magic, HEADER.magic, sizeof header.magic) != 0) return false;
  if (header.version != HEADER.version || header.key_length != key_length) return false;
  off_t filter = info.st_size - (off_t)(sizeof header + key_length);
  if (filter <= 0 || filter % (off_t)sizeof(struct sock_filter) != 0) return false;
  char *own = malloc(key_length);
  bool same = own && read(fd, own, key_length) == (ssize_t)key_length && memcmp(own, key, key_length) == 0;
  free(own);
  return same;
}

int64_t tsr_cached_filter(const char *directory, const char *key, size_t key_length) {
  char path[MAX_PATH];
  if (!path_of(path, directory, key, key_length, "")) return -ENAMETOOLONG;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return -errno;
  if (is_good(fd, key, key_length)) return fd;
  close(fd);
  return -ENOENT;
}

/// What the ENOSYS stub needs: the highest system call that the profile speaks of, by architecture.
struct newest {
  uint32_t architecture;
  int number;
};

struct profile {
  scmp_filter_ctx context;
  uint32_t default_action;
  bool wants_enosys;
  struct newest newest[MAX_ARCHITECTURES];
  size_t architectures;
};

static int add_architecture(struct profile *profile, uint32_t token) {
  if (profile->architectures == MAX_ARCHITECTURES) return -E2BIG;
  int result = seccomp_arch_add(profile->context, token);
  // Of the other byte order: no system call of such an architecture is ever made here, and one filter cannot have both.
  if (result == -EDOM) return 0;
  if (result < 0 && result != -EEXIST) return result;
  profile->newest[profile->architectures++] = (struct newest){token, -1};
  return 0;
}

static uint64_t take_number(char **rest) {
  char *word = strtok_r(NULL, " ", rest);
  return word ? strtoull(word, NULL, 10) : 0;
}

/// "rule ACTION NAME [INDEX OPERATOR VALUE VALUE2]..."
static int add_rule(struct profile *profile, char **rest) {
  uint32_t action = (uint32_t)take_number(rest);
  char *name = strtok_r(NULL, " ", rest);
  if (!name) return -EINVAL;
  int number = seccomp_syscall_resolve_name(name);
  // A name that libseccomp does not know is of no system call that a program can make here; engines list many.
  if (number == __NR_SCMP_ERROR) return 0;
  for (size_t i = 0; i < profile->architectures; i++) {
    int own = seccomp_syscall_resolve_name_arch(profile->newest[i].architecture, name);
    if (own > profile->newest[i].number) profile->newest[i].number = own;
  }
  // libseccomp refuses what is the default anyway.
  if (action == profile->default_action) return 0;
  struct scmp_arg_cmp arguments[MAX_ARGUMENTS];
  unsigned count = 0;
  for (char *word; (word = strtok_r(NULL, " ", rest)) && count < MAX_ARGUMENTS; count++) {
    arguments[count].arg = (unsigned)strtoul(word, NULL, 10);
    arguments[count].op = (enum scmp_compare)take_number(rest);
    arguments[count].datum_a = take_number(rest);
    arguments[count].datum_b = take_number(rest);
  }
  // A condition that is left out would make the rule a wider one.
  if (strtok_r(NULL, " ", rest)) return -E2BIG;
  int result = seccomp_rule_add_array(profile->context, action, number, count, arguments);
  // The same rule twice is no error.
  return result == -EEXIST ? 0 : result;
}

static int read_line(struct profile *profile, char *line) {
  char *rest;
  char *word = strtok_r(line, " ", &rest);
  if (!word) return 0;
  if (strcmp(word, "default") == 0) {
    profile->default_action = (uint32_t)take_number(&rest);
    profile->context = seccomp_init(profile->default_action);
    if (!profile->context) return -EINVAL;
    // init sets no_new_privs by an op of its own, or not at all.
    seccomp_attr_set(profile->context, SCMP_FLTATR_CTL_NNP, 0);
    // A binary tree and not a list: the kernel runs the filter once for each system call when it loads it.
    seccomp_attr_set(profile->context, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE);
    return add_architecture(profile, seccomp_arch_native());
  }
  if (!profile->context) return -EINVAL;
  if (strcmp(word, "arch") == 0) {
    char *name = strtok_r(NULL, " ", &rest);
    uint32_t token = name ? seccomp_arch_resolve_name(name) : 0;
    if (token == 0) return -EINVAL;
    return token == profile->newest[0].architecture ? 0 : add_architecture(profile, token);
  }
  if (strcmp(word, "enosys") == 0) return profile->wants_enosys = true, 0;
  return strcmp(word, "rule") == 0 ? add_rule(profile, &rest) : -EINVAL;
}

static struct sock_filter statement(uint16_t code, uint32_t value) {
  return (struct sock_filter){.code = code, .k = value};
}

static struct sock_filter jump(uint16_t code, uint32_t value, uint8_t yes, uint8_t no) {
  return (struct sock_filter){.code = code, .jt = yes, .jf = no, .k = value};
}

/// Of the architecture's entries in a stub: calls above `newest` return ENOSYS, the others go on to the filter.
static size_t stub_of(struct sock_filter *at, const struct newest *newest, const struct newest *x32) {
  const uint32_t newer = SECCOMP_RET_ERRNO | ENOSYS;
  size_t n = 0;
  at[n++] = jump(BPF_JMP | BPF_JEQ | BPF_K, newest->architecture, 0, x32 ? 5 : newest->architecture == AUDIT_ARCH_X86_64 ? 4 : 3);
  at[n++] = statement(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  // x32 shares its architecture with x86_64, and has a bit in its numbers.
  if (x32)
    at[n++] = jump(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1), at[n++] = jump(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)x32->number, 1, 2);
  else if (newest->architecture == AUDIT_ARCH_X86_64)
    at[n++] = jump(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 2, 0);
  at[n++] = jump(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)newest->number, 0, 1);
  at[n++] = statement(BPF_RET | BPF_K, newer);
  return n;
}

/// A profile that forbids by default knows nothing of system calls that are newer than itself; programs have to be told that they
/// are not there (ENOSYS), or they do not try the older way (runc does the same).
static size_t enosys_stub(struct sock_filter *at, const struct profile *profile) {
  if (!profile->wants_enosys) return 0;
  const struct newest *x32 = NULL;
  for (size_t i = 0; i < profile->architectures; i++)
    if (profile->newest[i].architecture == SCMP_ARCH_X32) x32 = &profile->newest[i];
  size_t n = 0;
  at[n++] = statement(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
  for (size_t i = 0; i < profile->architectures; i++) {
    const struct newest *newest = &profile->newest[i];
    if (newest == x32 || newest->number < 0) continue;
    // Each entry loads the number; the next one needs the architecture again.
    if (n > 1) at[n++] = statement(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    n += stub_of(at + n, newest, newest->architecture == AUDIT_ARCH_X86_64 ? x32 : NULL);
  }
  return n;
}

/// The instructions as a file; -errno.
static int64_t export(const struct profile *profile, struct sock_filter **filter) {
  size_t size = 0;
  int result = seccomp_export_bpf_mem(profile->context, NULL, &size);
  if (result < 0) return result;
  *filter = malloc(size + (1 + 8 * MAX_ARCHITECTURES) * sizeof **filter);
  if (!*filter) return -ENOMEM;
  size_t stub = enosys_stub(*filter, profile);
  result = seccomp_export_bpf_mem(profile->context, *filter + stub, &size);
  if (result < 0) return result;
  size += stub * sizeof **filter;
  return size / sizeof **filter > BPF_MAXINSNS ? -E2BIG : (int64_t)size;
}

/// Keeps it for the next start. That this fails (a read-only directory) costs only time.
static void keep(const char *directory, const char *key, size_t key_length, const struct sock_filter *filter, size_t size) {
  char path[MAX_PATH], temporary[MAX_PATH], suffix[32];
  struct header header = HEADER;
  header.key_length = (uint32_t)key_length;
  snprintf(suffix, sizeof suffix, ".%d", (int)getpid());
  if (!path_of(path, directory, key, key_length, "") || !path_of(temporary, directory, key, key_length, suffix)) return;
  int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return;
  bool good = write_all(fd, (const char *)&header, sizeof header) == 0 && write_all(fd, key, key_length) == 0 && write_all(fd, (const char *)filter, size) == 0;
  close(fd);
  if (!good || rename(temporary, path) < 0) unlink(temporary);
}

int64_t tsr_compile_filter(const char *directory, const char *key, size_t key_length, const char *text, size_t text_length) {
  struct profile profile = {0};
  struct sock_filter *filter = NULL;
  char *lines = key_length > MAX_KEY ? NULL : strndup(text, text_length), *rest;
  int64_t result = lines ? 0 : -ENOMEM;
  set_out(0, 0);
  int64_t number = 0;
  for (char *line = lines ? strtok_r(lines, "\n", &rest) : NULL; line && result == 0; line = strtok_r(NULL, "\n", &rest), number++) {
    set_out(0, number);
    result = read_line(&profile, line);
  }
  if (result == 0) result = profile.context ? export(&profile, &filter) : -EINVAL;
  if (result > 0) {
    keep(directory, key, key_length, filter, (size_t)result);
    result = memfd_with("tsrun-seccomp", 0, (const char *)filter, (size_t)result, true);
  }
  if (profile.context) seccomp_release(profile.context);
  free(filter);
  free(lines);
  return result;
}
