// The two entries that every directory has.
#pragma once
#include <stdbool.h>

static inline bool is_dots(const char *name) {
  return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}
