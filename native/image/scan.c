// Walks a tree in order, and says of each entry what it is: packed records, which src/image/tree/record.ts reads and image.tree keeps.
// Order: a directory before what is in it, names by their bytes. So two trees are compared as two sorted streams.
// Everything is done on descriptors of the entries themselves (O_PATH): nothing is followed, nothing is opened that could answer (devices,
// pipes), and whoever changes the tree meanwhile can only make the walk see another entry of the same directory.
#include "image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { FLAG_MOUNT = 1 };
enum { BATCH = 256 << 10, MAX_DEVICES = 255 };
// Go's archive/tar reads no PAX header of more than 1 MiB, and this is where the extended attributes go.
enum { MAX_XATTRS = (1 << 20) - (16 << 10) };

// Packed: in the buffer one follows the other at any address.
struct __attribute__((packed)) record {
  uint32_t length;
  uint16_t depth;
  uint8_t flags;
  uint8_t device; // 0: that of the root; others are numbered as they are met
  uint64_t inode;
  int64_t changed_seconds;
  uint32_t changed_nanoseconds;
  uint32_t links;
  // From here on: what an image knows of the entry.
  uint8_t kind; // 'f' 'd' 'l' 'c' 'b' 'p' 's'; 'e': it could not be read, `size` is the errno
  uint8_t zero;
  uint16_t mode;
  uint32_t uid, gid;
  uint32_t modified_nanoseconds;
  int64_t modified_seconds;
  uint64_t size; // of files; device number of devices: major << 32 | minor; else 0
  uint16_t name_length, link_length;
  uint32_t xattrs_length; // each: u16 length of the name, u16 0, u32 length of the value, name, value
};
_Static_assert(sizeof(struct record) == 72, "record.ts knows the offsets");

struct output {
  uint8_t *bytes;
  size_t used;
};

struct level {
  int fd;
  char *names; // each with its 0
  uint32_t *offsets;
  size_t count, next;
  size_t path_length;
  uint64_t mount;
  // Its mode, when the walk opened it up to its owner.
  mode_t sealed_mode;
  bool was_sealed;
};

struct walk {
  struct level *levels;
  size_t depth, capacity;
  int root;
  uint8_t *ignored; // names of extended attributes, each with its 0; one that ends with "." is the beginning of names
  size_t ignored_length;
  dev_t devices[MAX_DEVICES];
  int device_count;
  bool is_started;
};

static struct walk *walks[8];

// "/proc/self/fd/N": how a descriptor of O_PATH is opened, chmodded or asked for extended attributes.
static void name_fd(char path[32], int fd) {
  snprintf(path, 32, "/proc/self/fd/%d", fd);
}

static uint8_t *grow(struct output *out, size_t length) {
  uint8_t *bytes = image_result(out->used + length > BATCH ? out->used + length + BATCH : 2 * BATCH);
  if (bytes == NULL) return NULL;
  out->bytes = bytes;
  return bytes + out->used;
}

// --- Extended attributes

static bool is_ignored(const uint8_t *ignored, size_t length, const char *name) {
  for (size_t at = 0; at < length; at += strlen((const char *)ignored + at) + 1) {
    const char *one = (const char *)ignored + at;
    size_t size = strlen(one);
    if (size > 0 && one[size - 1] == '.' ? strncmp(one, name, size) == 0 : strcmp(one, name) == 0) return true;
  }
  return false;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// Appends the entry's extended attributes, sorted. Their length, or -errno.
static int64_t put_xattrs(struct output *out, int fd, const uint8_t *ignored, size_t ignored_length) {
  static _Thread_local char list[XATTR_LIST_MAX + 1];
  static _Thread_local const char *names[XATTR_LIST_MAX / 2 + 1];
  char path[32];
  name_fd(path, fd);
  ssize_t length = listxattr(path, list, XATTR_LIST_MAX);
  if (length < 0) return errno == EOPNOTSUPP ? 0 : -errno;
  size_t count = 0;
  for (ssize_t at = 0; at < length; at += (ssize_t)strlen(list + at) + 1)
    if (!is_ignored(ignored, ignored_length, list + at)) names[count++] = list + at;
  qsort(names, count, sizeof *names, by_name);
  size_t before = out->used;
  for (size_t i = 0; i < count; i++) {
    size_t name_length = strlen(names[i]);
    uint8_t *at = grow(out, 8 + name_length + XATTR_SIZE_MAX);
    if (at == NULL) return -ENOMEM;
    ssize_t size = getxattr(path, names[i], at + 8 + name_length, XATTR_SIZE_MAX);
    if (size < 0 && errno == ENODATA) continue; // removed meanwhile
    if (size < 0) return -errno;
    memcpy(at, &(uint16_t){(uint16_t)name_length}, 2);
    memset(at + 2, 0, 2);
    memcpy(at + 4, &(uint32_t){(uint32_t)size}, 4);
    memcpy(at + 8, names[i], name_length);
    out->used += 8 + name_length + (size_t)size;
    if (out->used - before > MAX_XATTRS) return -E2BIG;
  }
  return (int64_t)(out->used - before);
}

// --- Records

static uint8_t kind_of(uint16_t mode) {
  switch (mode & S_IFMT) {
  case S_IFREG:
    return 'f';
  case S_IFDIR:
    return 'd';
  case S_IFLNK:
    return 'l';
  case S_IFCHR:
    return 'c';
  case S_IFBLK:
    return 'b';
  case S_IFIFO:
    return 'p';
  default:
    return 's';
  }
}

static int stat_fd(int fd, struct statx *found) {
  return statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_MNT_ID, found) < 0 ? -errno : 0;
}

static uint64_t size_of(const struct statx *found, uint8_t kind) {
  if (kind == 'f') return found->stx_size;
  if (kind == 'c' || kind == 'b') return (uint64_t)found->stx_rdev_major << 32 | found->stx_rdev_minor;
  return 0;
}

// For what its mode closes even to its owner, who has no CAP_DAC_OVERRIDE: it is opened up for a moment. -errno.
static int chmod_fd(int fd, mode_t mode) {
  char path[32];
  name_fd(path, fd);
  return chmod(path, mode) < 0 ? -errno : 0;
}

// Appends the record of the entry that `fd` is. 0 or -errno, and nothing is appended.
static int put_record(struct output *out, int fd, const char *name, size_t depth, const uint8_t *ignored, size_t ignored_length, struct statx *found) {
  size_t start = out->used;
  size_t name_length = strlen(name);
  if (grow(out, sizeof(struct record) + name_length + PATH_MAX) == NULL) return -ENOMEM;
  int error = stat_fd(fd, found);
  if (error < 0) return error;
  struct record record = {.depth = (uint16_t)depth, .kind = kind_of(found->stx_mode), .name_length = (uint16_t)name_length};
  out->used += sizeof record;
  memcpy(out->bytes + out->used, name, name_length);
  out->used += name_length;
  if (record.kind == 'l') {
    ssize_t length = readlinkat(fd, "", (char *)out->bytes + out->used, PATH_MAX);
    if (length < 0) {
      error = -errno;
      goto fail;
    }
    record.link_length = (uint16_t)length;
    out->used += (size_t)length;
  }
  int64_t xattrs = put_xattrs(out, fd, ignored, ignored_length);
  if (xattrs == -EACCES && record.kind != 'l') {
    error = chmod_fd(fd, (found->stx_mode & 07777) | 0400);
    if (error < 0) goto fail;
    out->used = start + sizeof record + name_length;
    xattrs = put_xattrs(out, fd, ignored, ignored_length);
    error = chmod_fd(fd, found->stx_mode & 07777);
    // The time of change is that after it.
    if (error == 0) error = stat_fd(fd, found);
  }
  if (xattrs < 0) error = (int)xattrs;
  if (error < 0) goto fail;
  record.xattrs_length = (uint32_t)xattrs;
  record.length = (uint32_t)(out->used - start);
  record.inode = found->stx_ino;
  record.changed_seconds = found->stx_ctime.tv_sec;
  record.changed_nanoseconds = found->stx_ctime.tv_nsec;
  record.links = record.kind == 'd' ? 1 : found->stx_nlink;
  record.mode = found->stx_mode & 07777;
  record.uid = found->stx_uid;
  record.gid = found->stx_gid;
  record.modified_seconds = found->stx_mtime.tv_sec;
  record.modified_nanoseconds = found->stx_mtime.tv_nsec;
  record.size = size_of(found, record.kind);
  memcpy(out->bytes + start, &record, sizeof record);
  return 0;
fail:
  out->used = start;
  return error;
}

static int put_error(struct output *out, const char *name, size_t depth, int error) {
  size_t name_length = strlen(name);
  uint8_t *at = grow(out, sizeof(struct record) + name_length);
  if (at == NULL) return -ENOMEM;
  struct record record = {.length = (uint32_t)(sizeof record + name_length), .depth = (uint16_t)depth, .kind = 'e', .name_length = (uint16_t)name_length};
  record.size = (uint64_t)-error;
  memcpy(at, &record, sizeof record);
  memcpy(at + sizeof record, name, name_length);
  out->used += record.length;
  return 0;
}

// --- The walk

static int by_offset(const void *a, const void *b, void *names) {
  return strcmp((const char *)names + *(const uint32_t *)a, (const char *)names + *(const uint32_t *)b);
}

// All names of the directory, sorted. 0 or -errno.
static int read_names(struct level *level) {
  static _Thread_local char buffer[64 << 10];
  size_t used = 0, room = 0, slots = 0;
  for (;;) {
    ssize_t length = getdents64(level->fd, buffer, sizeof buffer);
    if (length < 0) return -errno;
    if (length == 0) break;
    for (ssize_t at = 0; at < length;) {
      const struct dirent64 *entry = (const struct dirent64 *)(buffer + at);
      at += entry->d_reclen;
      if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
      size_t size = strlen(entry->d_name) + 1;
      if (used + size > UINT32_MAX) return -EOVERFLOW;
      if (used + size > room) {
        room = 2 * room + sizeof buffer / 16;
        char *names = realloc(level->names, room);
        if (names == NULL) return -ENOMEM;
        level->names = names;
      }
      if (level->count == slots) {
        slots = 2 * slots + 64;
        uint32_t *offsets = realloc(level->offsets, slots * sizeof *offsets);
        if (offsets == NULL) return -ENOMEM;
        level->offsets = offsets;
      }
      memcpy(level->names + used, entry->d_name, size);
      level->offsets[level->count++] = (uint32_t)used;
      used += size;
    }
  }
  if (level->count > 1) qsort_r(level->offsets, level->count, sizeof *level->offsets, by_offset, level->names);
  return 0;
}

static void leave(struct walk *walk) {
  struct level *level = &walk->levels[--walk->depth];
  if (level->was_sealed) fchmod(level->fd, level->sealed_mode);
  close(level->fd);
  free(level->names);
  free(level->offsets);
}

// Goes into the directory that `fd` is. 0 or -errno.
static int enter(struct walk *walk, int fd, const struct statx *found, size_t path_length) {
  if (walk->depth == walk->capacity) {
    size_t capacity = 2 * walk->capacity + 16;
    struct level *levels = realloc(walk->levels, capacity * sizeof *levels);
    if (levels == NULL) return -ENOMEM;
    walk->levels = levels;
    walk->capacity = capacity;
  }
  char path[32];
  name_fd(path, fd);
  struct level level = {.path_length = path_length, .mount = found->stx_mnt_id, .sealed_mode = found->stx_mode & 07777};
  // Without r it cannot be listed, without x nothing in it be opened.
  bool is_sealed = faccessat(AT_FDCWD, path, R_OK | X_OK, AT_EACCESS) < 0;
  if (is_sealed) {
    int error = chmod_fd(fd, level.sealed_mode | 0700);
    if (error < 0) return error;
    level.was_sealed = true;
  }
  level.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (level.fd < 0) {
    int error = -errno;
    if (is_sealed) chmod_fd(fd, level.sealed_mode);
    return error;
  }
  walk->levels[walk->depth++] = level;
  int error = read_names(&walk->levels[walk->depth - 1]);
  if (error < 0) leave(walk);
  return error;
}

static int device_of(struct walk *walk, const struct statx *found) {
  dev_t device = makedev(found->stx_dev_major, found->stx_dev_minor);
  for (int i = 0; i < walk->device_count; i++)
    if (walk->devices[i] == device) return i;
  if (walk->device_count == MAX_DEVICES) return -EXDEV;
  walk->devices[walk->device_count] = device;
  return walk->device_count++;
}

// One entry: its record, then, when it is a directory, into it. 0, or -errno, when there is no memory.
static int visit(struct walk *walk, struct output *out, int fd, const char *name, const struct level *parent) {
  struct statx found;
  size_t depth = walk->depth;
  size_t start = out->used;
  size_t path_length = parent == NULL ? 0 : parent->path_length + strlen(name) + 1;
  int error = put_record(out, fd, name, depth, walk->ignored, walk->ignored_length, &found);
  if (error == 0 && path_length >= PATH_MAX) error = -ENAMETOOLONG;
  int device = error == 0 ? device_of(walk, &found) : error;
  if (device < 0) {
    out->used = start;
    return put_error(out, name, depth, device);
  }
  struct record *record = (struct record *)(out->bytes + start);
  record->device = (uint8_t)device;
  if (record->kind != 'd') return 0;
  if (parent != NULL && parent->mount != found.stx_mnt_id) {
    record->flags |= FLAG_MOUNT;
    return 0;
  }
  error = enter(walk, fd, &found, path_length);
  return error < 0 ? put_error(out, "", depth + 1, error) : 0;
}

static int visit_next(struct walk *walk, struct output *out) {
  struct level *level = &walk->levels[walk->depth - 1];
  if (level->next == level->count) {
    leave(walk);
    return 0;
  }
  const char *name = level->names + level->offsets[level->next++];
  int fd = openat(level->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? 0 : put_error(out, name, walk->depth, -errno); // removed meanwhile
  // `enter` may move the levels.
  struct level parent = *level;
  int error = visit(walk, out, fd, name, &parent);
  close(fd);
  return error;
}

static struct walk *walk_of(int64_t handle) {
  return handle >= 0 && handle < (int64_t)(sizeof walks / sizeof *walks) ? walks[handle] : NULL;
}

int64_t tsi_scan_open(int64_t root, const uint8_t *ignored, size_t ignored_length) {
  if (ignored_length > 0 && ignored[ignored_length - 1] != 0) return -EINVAL;
  int64_t handle = 0;
  while (handle < (int64_t)(sizeof walks / sizeof *walks) && walks[handle] != NULL) handle++;
  if (handle == (int64_t)(sizeof walks / sizeof *walks)) return -EMFILE;
  struct walk *walk = calloc(1, sizeof *walk);
  uint8_t *copy = malloc(ignored_length + 1);
  if (walk == NULL || copy == NULL) {
    free(walk);
    free(copy);
    return -ENOMEM;
  }
  memcpy(copy, ignored, ignored_length);
  walk->root = (int)root;
  walk->ignored = copy;
  walk->ignored_length = ignored_length;
  walks[handle] = walk;
  return handle;
}

int64_t tsi_scan_next(int64_t handle, uint8_t *into, size_t room) {
  struct walk *walk = walk_of(handle);
  if (walk == NULL) return -EBADF;
  struct output out = {0};
  if (grow(&out, 0) == NULL) return -ENOMEM;
  if (!walk->is_started) {
    walk->is_started = true;
    int error = visit(walk, &out, walk->root, "", NULL);
    if (error < 0) return error;
  }
  while (walk->depth > 0 && out.used < BATCH) {
    int error = visit_next(walk, &out);
    if (error < 0) return error;
  }
  return image_hand_over(out.used, into, room);
}

int64_t tsi_scan_close(int64_t handle) {
  struct walk *walk = walk_of(handle);
  if (walk == NULL) return -EBADF;
  while (walk->depth > 0) leave(walk);
  free(walk->levels);
  free(walk->ignored);
  free(walk);
  walks[handle] = NULL;
  return 0;
}

// --- Single entries

// One component below `directory`, the mode of which is no obstacle for its owner. -errno.
static int open_unsealed(int directory, const char *name, int flags) {
  int fd = openat(directory, name, flags);
  if (fd >= 0 || errno != EACCES) return fd < 0 ? -errno : fd;
  struct statx found;
  int error = stat_fd(directory, &found);
  if (error == 0) error = chmod_fd(directory, (found.stx_mode & 07777) | 0100);
  if (error < 0) return error;
  fd = openat(directory, name, flags);
  if (fd < 0) fd = -errno;
  error = chmod_fd(directory, found.stx_mode & 07777);
  if (error == 0 || fd < 0) return fd;
  close(fd);
  return error;
}

static int open_step_by_step(int root, char *path) {
  int fd = fcntl(root, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return -errno;
  char *rest = NULL;
  for (char *name = strtok_r(path, "/", &rest); name != NULL; name = strtok_r(NULL, "/", &rest)) {
    if (strcmp(name, "..") == 0) {
      close(fd);
      return -EXDEV;
    }
    int next = open_unsealed(fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    close(fd);
    if (next < 0) return next;
    fd = next;
  }
  return fd;
}

int64_t tsi_open_entry(int64_t root, const char *path) {
  struct open_how how = {
      .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };
  long fd = syscall(SYS_openat2, (int)root, *path == 0 ? "." : path, &how, sizeof how);
  if (fd >= 0 || errno != EACCES) return fd < 0 ? -errno : fd;
  char copy[PATH_MAX];
  if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy) return -ENAMETOOLONG;
  return open_step_by_step((int)root, copy);
}

int64_t tsi_entry_record(int64_t fd, const uint8_t *ignored, size_t ignored_length, uint8_t *into, size_t room) {
  if (ignored_length > 0 && ignored[ignored_length - 1] != 0) return -EINVAL;
  struct output out = {0};
  struct statx found;
  int error = put_record(&out, (int)fd, "", 0, ignored, ignored_length, &found);
  if (error < 0) return error;
  image_set_out(0, (int64_t)makedev(found.stx_dev_major, found.stx_dev_minor));
  return image_hand_over(out.used, into, room);
}

int64_t tsi_open_content(int64_t fd) {
  struct statx found;
  int error = stat_fd((int)fd, &found);
  if (error < 0) return error;
  if (!S_ISREG(found.stx_mode)) return -EINVAL;
  char path[32];
  name_fd(path, (int)fd);
  int content = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
  if (content >= 0 || errno != EACCES) return content < 0 ? -errno : content;
  error = chmod_fd((int)fd, (found.stx_mode & 07777) | 0400);
  if (error < 0) return error;
  content = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
  if (content < 0) content = -errno;
  error = chmod_fd((int)fd, found.stx_mode & 07777);
  if (error == 0 || content < 0) return content;
  close(content);
  return error;
}

int64_t tsi_next_data(int64_t fd, int64_t offset) {
  off_t start = lseek((int)fd, offset, SEEK_DATA);
  if (start < 0) return -errno;
  off_t end = lseek((int)fd, start, SEEK_HOLE);
  if (end < 0) return -errno;
  image_set_out(0, end);
  return start;
}
