// Makes what a layer's entries say, each by its name in an open directory. Nothing is ever opened that was there before: O_EXCL
// and the *at calls fail with EEXIST, and an existing inode is never written to (it may be a hard link, or a link to somewhere else).
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

// Access and modification time alike.
struct times {
  struct timespec both[2];
};

static struct times times_of(int64_t seconds, int64_t nanoseconds) {
  struct timespec time = {.tv_sec = (time_t)seconds, .tv_nsec = (long)nanoseconds};
  return (struct times){.both = {time, time}};
}

// -1 leaves the owner as it is: without root there is no other.
static int set_owner(int fd, int64_t uid, int64_t gid) {
  if (uid < 0 && gid < 0) return 0;
  return fchown(fd, (uid_t)uid, (gid_t)gid) < 0 ? -errno : 0;
}

// Of a new file. What a directory with a default ACL or the set-group-id bit has given to it is taken away again.
static int set_new_owner(int fd, int64_t uid, int64_t gid, int64_t inherits) {
  if (inherits) fremovexattr(fd, "system.posix_acl_access");
  if (!inherits && uid == geteuid() && gid == getegid()) return 0;
  return set_owner(fd, uid, gid);
}

int64_t tsi_create_file(int64_t dir, const char *name) {
  int fd = openat((int)dir, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
  return fd < 0 ? -errno : fd;
}

static int64_t fill(int fd, const uint8_t *data, size_t length, int64_t mode, int64_t uid, int64_t gid, int64_t inherits, struct times times) {
  int64_t result = tsi_write_fd(fd, data, length);
  if (result == 0) result = set_new_owner(fd, uid, gid, inherits);
  // chown takes set-user-id away, so the mode comes after it. Without special bits openat has set it, but for the umask.
  bool is_set = (mode & (07000 | image_umask())) == 0 && !inherits;
  if (result == 0 && !is_set && fchmod(fd, (mode_t)mode) < 0) result = -errno;
  if (result == 0 && futimens(fd, times.both) < 0) result = -errno;
  return result;
}

int64_t tsi_put_file(int64_t dir, const char *name, const uint8_t *data, size_t length, int64_t mode, int64_t uid, int64_t gid, int64_t inherits,
                     int64_t seconds, int64_t nanoseconds) {
  int fd = openat((int)dir, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, (mode_t)mode & 0777);
  if (fd < 0) return -errno;
  int64_t result = fill(fd, data, length, mode, uid, gid, inherits, times_of(seconds, nanoseconds));
  if (close(fd) < 0 && result == 0) result = -errno;
  return result;
}

int64_t tsi_set_new_owner(int64_t fd, int64_t uid, int64_t gid, int64_t inherits) {
  return set_new_owner((int)fd, uid, gid, inherits);
}

int64_t tsi_set_owner(int64_t fd, int64_t uid, int64_t gid) {
  return set_owner((int)fd, uid, gid);
}

int64_t tsi_set_mode(int64_t fd, int64_t mode) {
  return fchmod((int)fd, (mode_t)mode) < 0 ? -errno : 0;
}

int64_t tsi_set_times(int64_t fd, int64_t seconds, int64_t nanoseconds) {
  struct times times = times_of(seconds, nanoseconds);
  return futimens((int)fd, times.both) < 0 ? -errno : 0;
}

int64_t tsi_write_at(int64_t fd, const uint8_t *data, size_t length, int64_t offset) {
  while (length > 0) {
    ssize_t written = pwrite((int)fd, data, length, offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return -errno;
    data += written;
    offset += written;
    length -= (size_t)written;
  }
  return 0;
}

int64_t tsi_set_size(int64_t fd, int64_t size) {
  return ftruncate((int)fd, size) < 0 ? -errno : 0;
}

// Owner and times of what is no file and no directory. A link at the end is not followed.
static int64_t set_attributes(int dir, const char *name, int64_t uid, int64_t gid, struct times times) {
  if ((uid >= 0 || gid >= 0) && fchownat(dir, name, (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
  return utimensat(dir, name, times.both, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int64_t tsi_make_link(int64_t dir, const char *name, const char *target, int64_t uid, int64_t gid, int64_t seconds, int64_t nanoseconds) {
  if (symlinkat(target, (int)dir, name) < 0) return -errno;
  return set_attributes((int)dir, name, uid, gid, times_of(seconds, nanoseconds));
}

int64_t tsi_make_node(int64_t dir, const char *name, int64_t mode, int64_t major_number, int64_t minor_number, int64_t uid, int64_t gid, int64_t seconds,
                      int64_t nanoseconds) {
  if (mknodat((int)dir, name, (mode_t)mode, makedev((unsigned)major_number, (unsigned)minor_number)) < 0) return -errno;
  int64_t result = set_attributes((int)dir, name, uid, gid, times_of(seconds, nanoseconds));
  // It was made by us just now, so there is no link to follow.
  if (result == 0 && fchmodat((int)dir, name, (mode_t)mode & 07777, 0) < 0) result = -errno;
  return result;
}

int64_t tsi_hard_link(int64_t from_dir, const char *from, int64_t dir, const char *name) {
  // Without AT_SYMLINK_FOLLOW: a link to a symbolic link is one to the link itself.
  return linkat((int)from_dir, from, (int)dir, name, 0) < 0 ? -errno : 0;
}

int64_t tsi_set_xattr(int64_t fd, const char *name, const uint8_t *value, size_t length) {
  return fsetxattr((int)fd, name, value, length, 0) < 0 ? -errno : 0;
}

// Links and nodes cannot be opened for it; lsetxattr does not follow the last component, and the one before is our own descriptor.
int64_t tsi_set_xattr_at(int64_t dir, const char *file, const char *name, const uint8_t *value, size_t length) {
  char path[64 + NAME_MAX];
  int count = snprintf(path, sizeof path, "/proc/self/fd/%d/%s", (int)dir, file);
  if (count < 0 || (size_t)count >= sizeof path) return -ENAMETOOLONG;
  return lsetxattr(path, name, value, length, 0) < 0 ? -errno : 0;
}

int64_t tsi_clear_xattrs(int64_t fd) {
  char names[65536];
  ssize_t length = flistxattr((int)fd, names, sizeof names);
  if (length < 0) return errno == ENOTSUP ? 0 : -errno;
  for (ssize_t at = 0; at < length; at += (ssize_t)strlen(names + at) + 1) {
    // A security module's labels cannot be taken away; they are the host's.
    if (fremovexattr((int)fd, names + at) < 0 && errno != ENODATA && strncmp(names + at, "security.", 9) != 0) return -errno;
  }
  return 0;
}
