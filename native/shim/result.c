// Results that are not one number: the text buffer, the extra numbers, and the UTF-8 that texts must be.
#include "shim.h"
#include <stdlib.h>
#include <string.h>

enum { OUT_COUNT = 8, FIRST_SIZE = 32 * 1024 };

static char *text;
static size_t text_size;
static int64_t outs[OUT_COUNT];

int64_t tsr_out(int64_t index) {
  return index >= 0 && index < OUT_COUNT ? outs[index] : -EINVAL;
}

void set_out(int index, int64_t value) {
  outs[index] = value;
}

const char *tsr_text(void) {
  return text == NULL ? "" : text;
}

char *text_reserve(size_t size) {
  if (size < text_size) return text;
  size_t wanted = text_size == 0 ? FIRST_SIZE : text_size;
  while (wanted <= size) wanted *= 2;
  char *bigger = realloc(text, wanted);
  if (bigger == NULL) return NULL;
  text = bigger;
  text_size = wanted;
  return text;
}

/// Length of the UTF-8 sequence at `p` (2 to 4), 0 when it is not valid. Overlong forms and surrogates are not.
static size_t sequence_length(const unsigned char *p, size_t left) {
  unsigned char first = p[0];
  size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || length > left) return 0;
  for (size_t i = 1; i < length; i++)
    if ((p[i] & 0xc0) != 0x80) return 0;
  if (first == 0xe0 && p[1] < 0xa0) return 0;
  if (first == 0xed && p[1] > 0x9f) return 0;
  if (first == 0xf0 && p[1] < 0x90) return 0;
  if (first == 0xf4 && p[1] > 0x8f) return 0;
  return length;
}

size_t utf8_valid_prefix(const char *data, size_t length) {
  const unsigned char *p = (const unsigned char *)data;
  size_t i = 0;
  while (i < length) {
    uint64_t word;
    if (length - i >= sizeof word) {
      memcpy(&word, p + i, sizeof word);
      if ((word & UINT64_C(0x8080808080808080)) == 0) {
        i += sizeof word;
        continue;
      }
    }
    if (p[i] < 0x80) {
      i++;
      continue;
    }
    size_t step = sequence_length(p + i, length - i);
    if (step == 0) return i;
    i += step;
  }
  return length;
}

int64_t text_finish(size_t length) {
  if (text_reserve(length) == NULL) return -ENOMEM;
  for (size_t i = utf8_valid_prefix(text, length); i < length; i += utf8_valid_prefix(text + i, length - i)) text[i] = '?';
  text[length] = '\0';
  return (int64_t)length;
}

int64_t text_copy_exact(const char *data, size_t length) {
  if (utf8_valid_prefix(data, length) != length) return -EILSEQ;
  if (text_reserve(length) == NULL) return -ENOMEM;
  memcpy(text, data, length);
  text[length] = '\0';
  return (int64_t)length;
}

char **split_list(const char *list, size_t length) {
  size_t count = 0;
  for (size_t i = 0; i < length; i++) count += list[i] == '\0';
  if (length > 0 && list[length - 1] != '\0') {
    errno = EINVAL;
    return NULL;
  }
  char **items = malloc((count + 1) * sizeof *items + length);
  if (items == NULL) return NULL;
  char *copy = (char *)(items + count + 1);
  if (length > 0) memcpy(copy, list, length);
  for (size_t i = 0; i < count; i++) {
    items[i] = copy;
    copy += strlen(copy) + 1;
  }
  items[count] = NULL;
  return items;
}
