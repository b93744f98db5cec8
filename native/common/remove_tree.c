// Removes a tree, however deep, by descriptors: no path is resolved, no link followed.
#include "remove_tree.h"
#include "dots.h"
#include "own_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// Directories above this depth stay open while what is below them is removed; deeper ones are found again by "..".
enum { KEPT_OPEN = 100 };

struct level {
  DIR *stream;
  char *name;
  dev_t device;
  ino_t inode;
};

struct removal {
  struct level *levels;
  size_t depth;
  size_t room;
};

// What is mounted in the tree is not the tree's: EXDEV. The tree itself may be the root of a mount.
static int open_level(int parent, const char *name, bool is_top) {
  bool is_root = geteuid() == 0;
  struct open_how how = {.flags = (uint64_t)(DIRECTORY | (is_root ? 0 : O_PATH)), .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
  int fd = is_top ? openat(parent, name, (int)how.flags) : (int)syscall(SYS_openat2, parent, name, &how, sizeof how);
  if (fd < 0) return -errno;
  return is_root ? fd : open_own_directory(fd, NULL);
}

static int push(struct removal *removal, int parent, const char *name) {
  if (removal->depth == removal->room) {
    size_t room = removal->room == 0 ? 64 : removal->room * 2;
    struct level *grown = realloc(removal->levels, room * sizeof *grown);
    if (grown == NULL) return -ENOMEM;
    removal->levels = grown;
    removal->room = room;
  }
  int fd = open_level(parent, name, removal->depth == 0);
  struct stat status;
  if (fd < 0) return fd;
  struct level level = {.name = strdup(name), .stream = fstat(fd, &status) < 0 ? NULL : fdopendir(fd)};
  if (level.name == NULL || level.stream == NULL) {
    int error = errno;
    if (level.stream != NULL)
      closedir(level.stream);
    else
      close(fd);
    free(level.name);
    return -error;
  }
  level.device = status.st_dev;
  level.inode = status.st_ino;
  // Only what is deeper than this level needs it again.
  if (removal->depth > KEPT_OPEN) {
    struct level *above = &removal->levels[removal->depth - 1];
    closedir(above->stream);
    above->stream = NULL;
  }
  removal->levels[removal->depth++] = level;
  return 0;
}

// Back to the level above: it must still be the directory that it was.
static int pop(struct removal *removal, int base) {
  struct level level = removal->levels[--removal->depth];
  int parent = base;
  int error = 0;
  if (removal->depth > 0) {
    struct level *above = &removal->levels[removal->depth - 1];
    struct stat status;
    if (above->stream == NULL) {
      int fd = openat(dirfd(level.stream), "..", DIRECTORY);
      if (fd < 0 || fstat(fd, &status) < 0)
        error = -errno;
      else if (status.st_dev != above->device || status.st_ino != above->inode)
        error = -ESTALE;
      else if ((above->stream = fdopendir(fd)) == NULL)
        error = -errno;
      if (above->stream == NULL && fd >= 0) close(fd);
    }
    if (above->stream != NULL) parent = dirfd(above->stream);
  }
  closedir(level.stream);
  if (error == 0 && unlinkat(parent, level.name, AT_REMOVEDIR) < 0) error = -errno;
  free(level.name);
  return error;
}

// 1: it is a directory that is not empty.
static int remove_one(int dir, const char *name) {
  if (unlinkat(dir, name, 0) == 0) return 0;
  int error = errno;
  if (error != EISDIR && error != EPERM) return -error;
  if (unlinkat(dir, name, AT_REMOVEDIR) == 0) return 0;
  if (errno == ENOTEMPTY || errno == EEXIST) return 1;
  // No directory, but immutable.
  return errno == ENOTDIR ? -error : -errno;
}

// Removes entries of the deepest level until one of them is a directory that is not empty, which becomes the deepest level.
static int remove_entries(struct removal *removal, int base) {
  DIR *stream = removal->levels[removal->depth - 1].stream;
  for (;;) {
    errno = 0;
    const struct dirent *entry = readdir(stream);
    if (entry == NULL) return errno != 0 ? -errno : pop(removal, base);
    if (is_dots(entry->d_name)) continue;
    int result = remove_one(dirfd(stream), entry->d_name);
    if (result < 0 && result != -ENOENT) return result;
    if (result > 0) return push(removal, dirfd(stream), entry->d_name);
  }
}

int remove_tree(int dir, const char *name) {
  int error = remove_one(dir, name);
  if (error <= 0) return error;
  struct removal removal = {0};
  error = push(&removal, dir, name);
  while (error == 0 && removal.depth > 0) error = remove_entries(&removal, dir);
  while (removal.depth > 0) {
    struct level level = removal.levels[--removal.depth];
    if (level.stream != NULL) closedir(level.stream);
    free(level.name);
  }
  free(removal.levels);
  return error;
}
