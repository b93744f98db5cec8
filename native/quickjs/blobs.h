// The bytecode that the build links in (scripts/build.ts writes the table).
#ifndef TSRUN_BLOBS_H
#define TSRUN_BLOBS_H

#include <stdint.h>

struct blob {
  /// Name of the chunk; NULL ends the table.
  const char *name;
  const uint8_t *start, *end;
};
extern const struct blob blobs[];

#endif
