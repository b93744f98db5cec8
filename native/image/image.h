// What the files of the addon share. All names are resolved under a root descriptor, by openat2(RESOLVE_IN_ROOT).
#pragma once
#include "../gen/image.gen.h"

#include <stdbool.h>
#include <string.h>

// The i-th extra result of the last call on this thread.
void image_set_out(int index, int64_t value);

// A result of bytes: room for `length` bytes on this thread, valid until the next call; NULL when there is no memory. What was written
// into it stays when it grows.
uint8_t *image_result(size_t length);
const uint8_t *image_result_bytes(void);

// Copies a result of `length` bytes to where it is wanted, when there is room for all of it: `length`.
int64_t image_hand_over(size_t length, uint8_t *into, size_t room);

// Opens a path under the root: links in it are followed as if the root were /, a link at its end is opened itself. -errno.
int image_open(int root, const char *path, int flags);

// The process's umask when the root was opened.
unsigned image_umask(void);
