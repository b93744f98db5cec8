// The decoder of the plan. It trusts nothing: the whole plan is checked before its first op is run.
#ifndef TSRUN_INIT_PLAN_H
#define TSRUN_INIT_PLAN_H

#include <stddef.h>
#include <stdint.h>

struct plan {
  const char *at, *end;
  uint64_t count;
};

/// Checks the bytes; 0, or -EINVAL. Afterwards plan_next cannot fail.
int plan_check(struct plan *plan, const char *bytes, size_t size);
/// Decodes the next op into 64-bit words, in the layout of the generated structs; returns its number.
uint64_t plan_next(struct plan *plan, uint64_t *fields);
/// Maps the file and checks it; ends init when it is wrong.
void plan_open(struct plan *plan, int fd);

#endif
