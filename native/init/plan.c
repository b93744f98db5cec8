// Decoder: NUL-ended UTF-8 fields -> 64-bit words (docs/architecture.md, "The plan on the wire"). Built with a libc for its tests, too.
#include "plan.h"

#include <errno.h>

#include "../gen/ops.gen.h"

static const char MAGIC[] = "TSRUNPLAN";

/// Kinds of the fields by op number; NULL: no such op.
static const char *const KINDS[OP_MAX + 1] = {
#define KIND(number, id, kinds) [number] = kinds,
    OP_LIST(KIND)
#undef KIND
};

/// The field at the cursor, which moves behind its NUL; NULL when there is no NUL before the end.
static const char *take_field(struct plan *plan) {
  const char *field = plan->at;
  for (const char *p = field; p < plan->end; p++) {
    if (*p == 0) {
      plan->at = p + 1;
      return field;
    }
  }
  return NULL;
}

/// Unsigned decimal digits without sign or leading zero, at most 2^64 - 1.
static int parse_number(const char *text, uint64_t *number) {
  if (!text || !*text || (text[0] == '0' && text[1])) return -EINVAL;
  uint64_t value = 0;
  for (; *text; text++) {
    unsigned digit = (unsigned)(*text - '0');
    if (digit > 9) return -EINVAL;
    if (__builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, digit, &value)) return -EINVAL;
  }
  *number = value;
  return 0;
}

static int parse_signed(const char *text, int64_t *number) {
  int negative = text && *text == '-';
  uint64_t value;
  if (!text || parse_number(text + negative, &value)) return -EINVAL;
  if (value > (uint64_t)INT64_MAX + (negative ? 1 : 0)) return -EINVAL;
  *number = negative ? (int64_t)(0 - value) : (int64_t)value;
  return 0;
}

static int take_list(struct plan *plan, uint64_t *words) {
  if (parse_number(take_field(plan), &words[0])) return -EINVAL;
  // Every item has at least its NUL.
  if (words[0] > (uint64_t)(plan->end - plan->at)) return -EINVAL;
  words[1] = (uint64_t)(uintptr_t)plan->at;
  for (uint64_t i = 0; i < words[0]; i++)
    if (!take_field(plan)) return -EINVAL;
  return 0;
}

/// One op; its number, or 0 when it is wrong.
static uint64_t take_op(struct plan *plan, uint64_t *words) {
  uint64_t number;
  if (parse_number(take_field(plan), &number) || number == 0 || number > OP_MAX || !KINDS[number]) return 0;
  for (const char *kind = KINDS[number]; *kind; kind++) {
    switch (*kind) {
    case 'n':
      if (parse_number(take_field(plan), words++)) return 0;
      break;
    case 'i': {
      int64_t value;
      if (parse_signed(take_field(plan), &value)) return 0;
      *words++ = (uint64_t)value;
      break;
    }
    case 's': {
      const char *text = take_field(plan);
      if (!text) return 0;
      *words++ = (uint64_t)(uintptr_t)text;
      break;
    }
    default:
      if (take_list(plan, words)) return 0;
      words += 2;
    }
  }
  return number;
}

static int is_text(const char *field, const char *expected) {
  if (!field) return 0;
  while (*field && *field == *expected) field++, expected++;
  return *field == *expected;
}

int plan_check(struct plan *plan, const char *bytes, size_t size) {
  *plan = (struct plan){.at = bytes, .end = bytes + size};
  if (!is_text(take_field(plan), MAGIC) || !is_text(take_field(plan), "1")) return -EINVAL;
  if (parse_number(take_field(plan), &plan->count) || plan->count >= UINT32_MAX) return -EINVAL;
  const char *first = plan->at;
  uint64_t words[OP_WORDS + 1];
  for (uint64_t i = 0; i < plan->count; i++)
    if (!take_op(plan, words)) return -EINVAL;
  if (plan->at != plan->end) return -EINVAL;
  plan->at = first;
  return 0;
}

uint64_t plan_next(struct plan *plan, uint64_t *fields) {
  return take_op(plan, fields);
}
