// What the files of tsrun-init share: its state, and how a step fails.
#ifndef TSRUN_INIT_H
#define TSRUN_INIT_H

#include "../gen/ops.gen.h"
#include "sys.h"

/// All of init's state. There is one thread and no heap.
struct init {
  /// Socket to the parent until `created`, and the one that failures go to (the same, or the peer of start).
  int sync, report;
  /// Listening start socket and hook log, -1 when absent.
  int start, hook_log;
  /// First fd of the protocol: 3 + preserved fds.
  int base;
  /// Index of the op that is run.
  uint32_t op;
  /// The root filesystem until root.pivot, then -1: paths count from /.
  int root;
  /// The verified null device, -1 before null.open.
  int null;
  /// An empty read-only tmpfs that masks directories, -1 before the first one.
  int empty;
  /// cwd.enter has worked.
  int in_cwd;
};
extern struct init self;

/// Sends the failure record and ends init. `result` is -errno. Nothing goes on after a failed step.
_Noreturn void fail(int syscall, long result);
/// The same with an extra number (the wait status of a hook).
_Noreturn void fail_with(int syscall, long result, int64_t value);

/// Passes good results on.
static inline long ok(int syscall, long result) {
  if (result < 0) fail(syscall, result);
  return result;
}

enum record_kind { RECORD_FAIL = 1, RECORD_ASK = 2, RECORD_FORKED = 3, RECORD_CREATED = 4, RECORD_TERMINAL = 5, RECORD_LISTENER = 6 };
/// `fd` goes along when it is not -1.
void report(enum record_kind kind, int64_t value, int fd);
/// Waits for the parent's byte; an end of file or another byte ends init.
void await_point(uint64_t point);
/// Receives one fd from the parent.
int receive_fd(void);

/// The item after this one of a list.
static inline const char *next_item(const char *item) {
  return item + strlen(item) + 1;
}
/// Decimal digits of a list item, which the decoder has not looked at; anything else ends init.
uint64_t item_number(const char *item);
/// Writes the decimal digits and a NUL; returns the length. `to` has room for 21 bytes.
size_t format_number(char *to, uint64_t number);
enum setgroups { SETGROUPS_DENIED = 0, SETGROUPS_ALLOWED = 1, SETGROUPS_UNKNOWN = 2 };
/// setgroups(2) where the user namespace allows it. Where it turns out to be denied, no groups are fine: there is no other way.
void set_groups(uint64_t allowed, size_t count, const uint32_t *groups);

// --- paths under the root (path.c) ---

/// O_PATH or other fd of a container path; -errno.
long root_open_path(const char *path, uint64_t flags);
/// O_PATH fd of the directory that holds the last component, made when missing, and that component in `name` (PATH_MAX bytes).
int open_parent(const char *path, char *name);
/// O_PATH fd of the directory, made with its missing parents.
int make_directory(const char *path, uint32_t mode, int *made);
/// O_PATH fd of an existing path, or of an empty file made for it.
int make_file(const char *path);
/// True directories only: a link would lead a mount elsewhere.
int make_true_directory(const char *path);

// --- procfs (procfs.c) ---

/// Opens a file of a verified procfs, or -errno. Links in it are followed unless `resolve` forbids them, mounts and magic links never.
/// To be called before root.pivot, and in an exec before ns.enter: afterwards /proc is the container's.
long open_in_procfs(const char *path, uint64_t flags, uint64_t resolve);
/// The same of the procfs at /proc: for what is there only under the pid that init has outside of the container.
long open_in_host_procfs(const char *path, uint64_t flags);

/// --no-pivot: procfs and sysfs of the host, outside of the new root, are covered (host_proc.c).
void hide_host_proc(void);

// --- mounts (op_mount.c) ---

/// Attaches a detached mount on the fd of its target.
void attach_mount(int mount, int target);
/// A detached copy of the mount at fd; `recursive` of the tree.
int clone_mount(int fd, int recursive);
void set_mount_attributes(int mount, uint64_t set, uint64_t clear, int recursive);
void set_propagation(int mount, uint64_t flags);
/// A detached new filesystem; `label`: the SELinux context of all that is in it, or "".
int new_filesystem(const char *type, uint64_t attributes, const char *label);
/// Copies what a directory holds (op_copyup.c).
void copy_tree(int from, int to);

#endif
