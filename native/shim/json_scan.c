// One pass over a JSON text that answers one question: would JSON.parse keep it exact? Valid JSON, no integer that a double
// rounds, no name twice in an object, no escape in a name. When in doubt the answer is no: the exact parser then decides.
#include "shim.h"
#include <string.h>

enum { MAX_DEPTH = 128, MAX_NAMES = 4096, MAX_INTEGER_DIGITS = 15 };

/// The names of the objects that are open, innermost last.
struct name {
  const char *start;
  uint32_t length, hash;
};
struct scan {
  const char *at, *end;
  struct name names[MAX_NAMES];
  size_t name_count;
  /// Per open array or object: the index of its first name, or ARRAY.
  size_t stack[MAX_DEPTH];
  /// Per open object: a Bloom filter of its names' hashes; most names are new and never compared.
  uint64_t seen[MAX_DEPTH];
  size_t depth;
};
#define ARRAY ((size_t)-1)

static void skip_space(struct scan *scan) {
  while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t')) scan->at++;
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool take(struct scan *scan, char c) {
  if (scan->at == scan->end || *scan->at != c) return false;
  scan->at++;
  return true;
}

static size_t take_digits(struct scan *scan) {
  const char *start = scan->at;
  while (scan->at < scan->end && is_digit(*scan->at)) scan->at++;
  return (size_t)(scan->at - start);
}

/// After the backslash.
static bool scan_escape(struct scan *scan) {
  if (scan->at == scan->end) return false;
  char kind = *scan->at++;
  if (kind == 'u') {
    if (scan->end - scan->at < 4) return false;
    for (int i = 0; i < 4; i++)
      if (!is_hex(*scan->at++)) return false;
    return true;
  }
  return kind != '\0' && strchr("\"\\/bfnrt", kind) != NULL;
}

static bool scan_string(struct scan *scan) {
  if (!take(scan, '"')) return false;
  while (scan->at < scan->end) {
    unsigned char c = (unsigned char)*scan->at++;
    if (c == '"') return true;
    if (c < 0x20) return false;
    if (c == '\\' && !scan_escape(scan)) return false;
  }
  return false;
}

/// At most 15 digits before the point: below 2^53 in any case. An exponent may make an integer that is larger: left to the exact parser.
static bool scan_number(struct scan *scan) {
  take(scan, '-');
  const char *start = scan->at;
  size_t digits = take_digits(scan);
  if (digits == 0 || digits > MAX_INTEGER_DIGITS || (digits > 1 && *start == '0')) return false;
  if (take(scan, '.') && take_digits(scan) == 0) return false;
  return scan->at == scan->end || (*scan->at != 'e' && *scan->at != 'E');
}

static bool scan_word(struct scan *scan, const char *word) {
  size_t length = strlen(word);
  if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0) return false;
  scan->at += length;
  return true;
}

/// A name and its colon. False also when the object has the name already, or when it is written with an escape.
static bool scan_name(struct scan *scan) {
  skip_space(scan);
  if (!take(scan, '"') || scan->name_count == MAX_NAMES) return false;
  const char *start = scan->at;
  uint32_t hash = 2166136261U;
  for (;; scan->at++) {
    if (scan->at == scan->end) return false;
    unsigned char c = (unsigned char)*scan->at;
    if (c == '"') break;
    if (c == '\\' || c < 0x20) return false;
    hash = (hash ^ c) * 16777619U;
  }
  struct name name = {.start = start, .length = (uint32_t)(scan->at - start), .hash = hash};
  uint64_t bits = UINT64_C(1) << (hash & 63) | UINT64_C(1) << (hash >> 8 & 63);
  uint64_t *seen = &scan->seen[scan->depth - 1];
  if ((*seen & bits) == bits) {
    for (size_t i = scan->stack[scan->depth - 1]; i < scan->name_count; i++) {
      const struct name *other = &scan->names[i];
      if (other->hash == hash && other->length == name.length && memcmp(other->start, start, name.length) == 0) return false;
    }
  }
  *seen |= bits;
  scan->names[scan->name_count++] = name;
  scan->at++;
  skip_space(scan);
  return take(scan, ':');
}

/// After a `{` or `[`: false when it cannot go deeper. `open` tells whether a first value is to follow.
static bool enter(struct scan *scan, bool object, bool *open) {
  if (scan->depth == MAX_DEPTH) return false;
  scan->seen[scan->depth] = 0;
  scan->stack[scan->depth++] = object ? scan->name_count : ARRAY;
  skip_space(scan);
  *open = scan->at == scan->end || *scan->at != (object ? '}' : ']');
  return !*open || !object || scan_name(scan);
}

/// One value that is complete, or the start of one that is not (then `open`).
static bool scan_value(struct scan *scan, bool *open) {
  *open = false;
  skip_space(scan);
  if (scan->at == scan->end) return false;
  switch (*scan->at) {
  case '{':
  case '[':
    return enter(scan, *scan->at++ == '{', open);
  case '"':
    return scan_string(scan);
  case 't':
    return scan_word(scan, "true");
  case 'f':
    return scan_word(scan, "false");
  case 'n':
    return scan_word(scan, "null");
  default:
    return scan_number(scan);
  }
}

/// After a value: closes what ends here. `more` tells whether another value is to follow.
static bool scan_rest(struct scan *scan, bool *more) {
  *more = false;
  while (scan->depth > 0) {
    bool object = scan->stack[scan->depth - 1] != ARRAY;
    skip_space(scan);
    if (take(scan, ',')) {
      *more = true;
      return !object || scan_name(scan);
    }
    if (!take(scan, object ? '}' : ']')) return false;
    scan->depth--;
    if (object) scan->name_count = scan->stack[scan->depth];
  }
  skip_space(scan);
  return scan->at == scan->end;
}

int64_t tsr_json_is_plain(const char *text, size_t length) {
  static struct scan scan;
  if (utf8_valid_prefix(text, length) != length) return 0;
  scan.at = text;
  scan.end = text + length;
  scan.name_count = scan.depth = 0;
  for (;;) {
    bool open, more;
    if (!scan_value(&scan, &open)) return 0;
    if (open) continue;
    if (!scan_rest(&scan, &more)) return 0;
    if (!more) return 1;
  }
}
