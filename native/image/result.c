// Results that are more than one number: per thread, read right after the call.
#include "image.h"

#include <errno.h>
#include <stdlib.h>

static _Thread_local int64_t outs[8];
static _Thread_local uint8_t *buffer;
static _Thread_local size_t capacity;

void image_set_out(int index, int64_t value) {
  outs[index] = value;
}

int64_t tsi_out(int64_t index) {
  return index >= 0 && index < 8 ? outs[index] : -EINVAL;
}

uint8_t *image_result(size_t length) {
  if (length > capacity || buffer == NULL) {
    size_t room = length < 4096 ? 4096 : length < 2 * capacity ? 2 * capacity : length;
    uint8_t *grown = realloc(buffer, room);
    if (grown == NULL) return NULL;
    buffer = grown;
    capacity = room;
  }
  return buffer;
}

const uint8_t *image_result_bytes(void) {
  return buffer;
}

int64_t image_hand_over(size_t length, uint8_t *into, size_t room) {
  if (length <= room && length > 0) memcpy(into, buffer, length);
  return (int64_t)length;
}

int64_t tsi_result(uint8_t *into, size_t room) {
  return image_hand_over(room < capacity ? room : capacity, into, room);
}
