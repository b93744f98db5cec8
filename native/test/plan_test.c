// The decoder under sanitizers: good plans decode, wrong ones are refused, and no mutation of a plan makes it read out of bounds.
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../gen/ops.gen.h"
#include "../init/plan.h"

enum { MUTANTS = 200000 };

#define PLAN(text) text, sizeof(text) - 1

/// Two ops: hostname "web", and a rlimit whose numbers need 64 bits.
static const char GOOD[] = "TSRUNPLAN\0"
                           "1\0"
                           "3\0"
                           "40\0web\0"
                           "46\0"
                           "7\0"
                           "18446744073709551615\0"
                           "18446744073709551615\0"
                           "59\0"
                           "2\0sh\0-c\0"
                           "0\0";

/// A copy of exactly that size, so that one byte too far is seen.
static int checked(const char *bytes, size_t size) {
  char *copy = malloc(size ? size : 1);
  memcpy(copy, bytes, size);
  struct plan plan;
  int result = plan_check(&plan, copy, size);
  if (result == 0) {
    uint64_t fields[OP_WORDS + 1];
    for (uint64_t i = 0; i < plan.count; i++) assert(plan_next(&plan, fields) != 0);
  }
  free(copy);
  return result;
}

static void good_plan(void) {
  struct plan plan;
  uint64_t fields[OP_WORDS + 1];
  assert(plan_check(&plan, GOOD, sizeof GOOD - 1) == 0 && plan.count == 3);
  assert(plan_next(&plan, fields) == OP_HOST_NAME);
  assert(strcmp(((struct op_host_name *)(void *)fields)->name, "web") == 0);
  assert(plan_next(&plan, fields) == OP_RLIMIT_SET);
  assert(((struct op_rlimit_set *)(void *)fields)->hard == UINT64_MAX);
  assert(plan_next(&plan, fields) == OP_EXEC_RUN);
  const struct op_exec_run *run = (void *)fields;
  assert(run->args.count == 2 && strcmp(run->args.first, "sh") == 0 && run->env.count == 0);
}

static void bad_plans(void) {
  static const struct {
    const char *bytes;
    size_t size;
  } BAD[] = {
      {PLAN("")},
      {PLAN("TSRUNPLAN\0")},
      {PLAN("TSRUNPLAN\0"
            "2\0"
            "0\0")},
      {PLAN("TSRUNPLAN\0"
            "1\0"
            "1\0")},
      {PLAN("TSRUNPLAN\0"
            "1\0"
            "0\0"
            "x")},
      {PLAN("TSRUNPLAN\0"
            "1\0"
            "1\0"
            "0\0")},
      {PLAN("TSRUNPLAN\0"
            "1\0"
            "1\0"
            "999\0")},
      {PLAN("TSRUNPLAN\0"
            "1\0"
            "1\0"
            "40\0web")},
      {PLAN("TSRUNPLAN\0"
            "1\0"
            "1\0"
            "6\0-1\0")},
      {PLAN("TSRUNPLAN\0"
            "1\0"
            "1\0"
            "6\0"
            "01\0")},
      {PLAN("TSRUNPLAN\0"
            "1\0"
            "1\0"
            "6\0"
            "18446744073709551616\0")},
      {PLAN("TSRUNPLAN\0"
            "1\0"
            "1\0"
            "59\0"
            "9999999999\0sh\0"
            "0\0")},
      {PLAN("TSRUNPLAN\0"
            "1\0"
            "18446744073709551615\0")},
  };
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) assert(checked(BAD[i].bytes, BAD[i].size) == -EINVAL);
  for (size_t size = 0; size < sizeof GOOD - 1; size++) assert(checked(GOOD, size) == -EINVAL);
}

/// The same mutants every time: a linear congruential generator.
static uint32_t next_random(uint32_t *seed) {
  return *seed = *seed * 1664525u + 1013904223u;
}

static void mutated_plans(void) {
  static const char ALPHABET[] = "0123456789-TSRUNPLAN\0\0\0\0\xff";
  uint32_t seed = 1;
  for (int i = 0; i < MUTANTS; i++) {
    char bytes[sizeof GOOD];
    memcpy(bytes, GOOD, sizeof bytes);
    for (uint32_t changes = 1 + (next_random(&seed) >> 16) % 4; changes; changes--) {
      uint32_t at = (next_random(&seed) >> 8) % (sizeof GOOD - 1);
      bytes[at] = ALPHABET[(next_random(&seed) >> 8) % (sizeof ALPHABET - 1)];
    }
    checked(bytes, sizeof GOOD - 1 - (next_random(&seed) >> 8) % 8);
  }
}

int main(void) {
  good_plan();
  bad_plans();
  mutated_plans();
  printf("plan decoder: good, bad and %d mutated plans\n", MUTANTS);
  return 0;
}
