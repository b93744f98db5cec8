// What a process inherits or is limited by, made explicit.
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/sched/types.h>

#include "init.h"

enum { SIGNALS = 64, KILL = 9, STOP = 19, SET_MASK = 2, WHO_PGRP = 2, CLASS_SHIFT = 13 };
/// Rights of keys (keyrings(7)): the possessor may do all, the user see, read, write, search, link and set attributes.
enum { KEY_POSSESSOR_ALL = 0x3f000000, KEY_USER_ALL = 0x003f0000 };

struct kernel_action {
  void *handler;
  unsigned long flags;
  void *restorer;
  uint64_t mask;
};

void op_cred_undumpable(const struct op_cred_undumpable *op) {
  (void)op;
  ok(SC_prctl, SYS(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0));
}

void op_signal_reset(const struct op_signal_reset *op) {
  (void)op;
  struct kernel_action by_default = {0};
  for (int signal = 1; signal <= SIGNALS; signal++)
    if (signal != KILL && signal != STOP) ok(SC_rt_sigaction, SYS(rt_sigaction, signal, &by_default, 0, sizeof by_default.mask));
  uint64_t none = 0;
  ok(SC_rt_sigprocmask, SYS(rt_sigprocmask, SET_MASK, &none, 0, sizeof none));
}

void op_session_new(const struct op_session_new *op) {
  (void)op;
  long result = SYS(setsid, 0);
  // EPERM: it leads one already.
  if (result < 0 && result != -EPERM) fail(SC_setsid, result);
}

void op_keyring_new(const struct op_keyring_new *op) {
  long ring = SYS(keyctl, KEYCTL_JOIN_SESSION_KEYRING, op->name);
  if (ring == -ENOSYS) return;
  ok(SC_keyctl, ring);
  ok(SC_keyctl, SYS(keyctl, KEYCTL_SETPERM, ring, KEY_POSSESSOR_ALL | KEY_USER_ALL));
}

void op_personality_set(const struct op_personality_set *op) {
  ok(SC_personality, SYS(personality, op->domain));
}

void op_scheduler_set(const struct op_scheduler_set *op) {
  struct sched_attr attributes = {
      .size = sizeof attributes,
      .sched_policy = (uint32_t)op->policy,
      .sched_flags = op->flags,
      .sched_nice = (int32_t)op->nice,
      .sched_priority = (uint32_t)op->priority,
      .sched_runtime = op->runtime,
      .sched_deadline = op->deadline,
      .sched_period = op->period,
  };
  ok(SC_sched_setattr, SYS(sched_setattr, 0, &attributes, 0));
}

void op_affinity_set(const struct op_affinity_set *op) {
  enum { MAX_WORDS = 128 };
  uint64_t words[MAX_WORDS];
  if (op->words.count > MAX_WORDS) fail(SC_sched_setaffinity, -EINVAL);
  const char *item = op->words.first;
  for (uint64_t i = 0; i < op->words.count; i++, item = next_item(item)) words[i] = item_number(item);
  ok(SC_sched_setaffinity, SYS(sched_setaffinity, 0, op->words.count * sizeof *words, words));
}

void op_mempolicy_set(const struct op_mempolicy_set *op) {
  enum { MAX_WORDS = 16, WORD_BITS = 64 };
  uint64_t words[MAX_WORDS];
  if (op->words.count > MAX_WORDS) fail(SC_set_mempolicy, -EINVAL);
  const char *item = op->words.first;
  for (uint64_t i = 0; i < op->words.count; i++, item = next_item(item)) words[i] = item_number(item);
  // The kernel takes one bit less than it is told of.
  uint64_t bits = op->words.count ? op->words.count * WORD_BITS + 1 : 0;
  ok(SC_set_mempolicy, SYS(set_mempolicy, op->mode, op->words.count ? words : 0, bits));
}

void op_ioprio_set(const struct op_ioprio_set *op) {
  ok(SC_ioprio_set, SYS(ioprio_set, WHO_PGRP, 0, op->class << CLASS_SHIFT | op->priority));
}

void op_rlimit_set(const struct op_rlimit_set *op) {
  uint64_t limits[2] = {op->soft, op->hard};
  ok(SC_prlimit64, SYS(prlimit64, 0, op->resource, limits, 0));
}

void op_umask_set(const struct op_umask_set *op) {
  SYS(umask, op->mask);
}

void op_cred_bounding(const struct op_cred_bounding *op) {
  for (uint64_t cap = 0; cap <= op->last; cap++)
    if (!(op->keep >> cap & 1)) ok(SC_prctl, SYS(prctl, PR_CAPBSET_DROP, cap, 0, 0, 0));
}

void set_groups(uint64_t allowed, size_t count, const uint32_t *groups) {
  if (allowed == SETGROUPS_DENIED && count == 0) return;
  long result = SYS(setgroups, count, groups);
  if (result == -EPERM && allowed == SETGROUPS_UNKNOWN && count == 0) return;
  ok(SC_setgroups, result);
}

void op_cred_ids(const struct op_cred_ids *op) {
  enum { MAX_GROUPS = 65536 / sizeof(uint32_t) };
  ok(SC_prctl, SYS(prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0));
  uint32_t groups[MAX_GROUPS];
  if (op->groups.count > MAX_GROUPS) fail(SC_setgroups, -EINVAL);
  const char *item = op->groups.first;
  for (uint64_t i = 0; i < op->groups.count; i++, item = next_item(item)) groups[i] = (uint32_t)item_number(item);
  set_groups(op->setgroups, op->groups.count, groups);
  ok(SC_setresgid, SYS(setresgid, op->gid, op->gid, op->gid));
  ok(SC_setresuid, SYS(setresuid, op->uid, op->uid, op->uid));
}

void op_cred_caps(const struct op_cred_caps *op) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {
      {(uint32_t)op->effective, (uint32_t)op->permitted, (uint32_t)op->inheritable},
      {(uint32_t)(op->effective >> 32), (uint32_t)(op->permitted >> 32), (uint32_t)(op->inheritable >> 32)},
  };
  ok(SC_capset, SYS(capset, &header, data));
}

void op_cred_ambient(const struct op_cred_ambient *op) {
  ok(SC_prctl, SYS(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
  for (uint64_t cap = 0; cap < 64; cap++)
    if (op->mask >> cap & 1) ok(SC_prctl, SYS(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0));
}

void op_cred_no_new_privs(const struct op_cred_no_new_privs *op) {
  (void)op;
  ok(SC_prctl, SYS(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

void op_fds_close(const struct op_fds_close *op) {
  // The parent's fds are gone since execve (close-on-exec). The protocol's own and what init opened go at the next one.
  enum { CLOSE_RANGE_CLOEXEC_ = 4 };
  int first = 3 + (int)op->preserve;
  for (int fd = 3; fd < first; fd++) {
    long flags = SYS(fcntl, fd, F_GETFD, 0);
    if (flags >= 0) SYS(fcntl, fd, F_SETFD, flags & ~1L);
  }
  long result = SYS(close_range, first, ~0u, CLOSE_RANGE_CLOEXEC_);
  // Before Linux 5.11 there is no such flag: everything above was opened close-on-exec anyway.
  if (result < 0 && result != -EINVAL && result != -ENOSYS) fail(SC_close_range, result);
}

void op_cwd_make(const struct op_cwd_make *op) {
  sys_close(make_directory(op->path, 0755, NULL));
}

/// The directory must be inside the root: a host directory that leaked in as an fd has no path here (CVE-2024-21626).
void op_cwd_enter(const struct op_cwd_enter *op) {
  if (self.in_cwd) return;
  long result = SYS(chdir, op->path);
  if (op->optional && (result == -EACCES || result == -EPERM)) return;
  ok(SC_chdir, result);
  char path[4096];
  ok(SC_getcwd, SYS(getcwd, path, sizeof path));
  if (path[0] != '/') fail(SC_getcwd, -ENOENT);
  self.in_cwd = 1;
}
