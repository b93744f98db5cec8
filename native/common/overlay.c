#include "overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

enum { PAGE = 4096, LAYER_LIMIT = 256 };

struct overlay {
  char options[PAGE];
  size_t length;
  int fds[LAYER_LIMIT + 2];
  int count;
};

static int append(struct overlay *o, const char *text) {
  size_t length = strlen(text);
  if (o->length + length >= sizeof o->options) return -E2BIG;
  memcpy(o->options + o->length, text, length + 1);
  o->length += length;
  return 0;
}

static int append_directory(struct overlay *o, const char *before, const char *path) {
  if (o->count == LAYER_LIMIT + 2) return -E2BIG;
  int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -errno;
  o->fds[o->count++] = fd;
  char text[64];
  snprintf(text, sizeof text, "%s/proc/self/fd/%d", before, fd);
  return append(o, text);
}

static int describe(struct overlay *o, const char *lowers, size_t length, const char *upper, const char *work) {
  // Nothing that an image could carry in extended attributes may send the kernel elsewhere in a layer.
  int error = append(o, "redirect_dir=nofollow,metacopy=off,index=off");
  const char *before = ",lowerdir=";
  for (const char *path = lowers; error == 0 && path < lowers + length; path += strlen(path) + 1) {
    error = append_directory(o, before, path);
    before = ":";
  }
  if (error == 0 && *upper != 0) error = append_directory(o, ",upperdir=", upper);
  if (error == 0 && *upper != 0) error = append_directory(o, ",workdir=", work);
  // Else the unmount waits until all that anybody has written to the upper directory's filesystem is on the disk.
  if (error == 0 && *upper != 0) error = append(o, ",volatile");
  return error;
}

int overlay_mount(const char *lowers, size_t length, const char *upper, const char *work, const char *target) {
  struct overlay o = {.length = 0};
  int error = describe(&o, lowers, length, upper, work);
  if (error == 0 && mount("tsrun", target, "overlay", *upper == 0 ? MS_RDONLY : 0, o.options) < 0) error = -errno;
  for (int i = 0; i < o.count; i++) close(o.fds[i]);
  return error;
}
