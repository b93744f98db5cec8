// A heap for a process that lives for milliseconds: freed blocks go to a list of their class, and nothing is ever merged.
// What does not fit into the section (a config of many megabytes) comes from libc.
#include "heap.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/// In front of each block.
struct block {
  /// Bytes that the block has room for.
  size_t size;
};

enum { STEP = 16, FINE_CLASSES = 64, FINE_LIMIT = STEP * FINE_CLASSES, COARSE_PER_DOUBLING = 4 };

/// Class of a size, and the size rounded up to the class: steps of 16 bytes up to 1 KiB, then four steps per doubling.
static unsigned class_of(size_t *size) {
  if (*size <= FINE_LIMIT) {
    unsigned class = *size == 0 ? 0 : (unsigned)((*size - 1) / STEP);
    *size = (size_t)(class + 1) * STEP;
    return class;
  }
  unsigned doubling = 63 - (unsigned)__builtin_clzl(*size - 1);
  size_t step = ((size_t)1 << doubling) / COARSE_PER_DOUBLING;
  unsigned part = (unsigned)((*size - 1 - ((size_t)1 << doubling)) / step);
  *size = ((size_t)1 << doubling) + (part + 1) * step;
  return FINE_CLASSES + (doubling - 10) * COARSE_PER_DOUBLING + part;
}

static bool is_ours(const void *pointer) {
  return (uintptr_t)pointer - (uintptr_t)&snapshot < HEAP_CAPACITY;
}

static struct block *block_of(const void *pointer) {
  return (struct block *)pointer - 1;
}

static void *from_libc(size_t size) {
  struct block *block = malloc(sizeof *block + size);
  if (!block) return NULL;
  block->size = size;
  return block + 1;
}

static void *heap_alloc(JSMallocState *state, size_t size) {
  (void)state;
  if (size > HEAP_CAPACITY) return from_libc(size);
  unsigned class = class_of(&size);
  void *reused = snapshot.free[class];
  if (reused) {
    memcpy(&snapshot.free[class], reused, sizeof reused);
    return reused;
  }
  if (snapshot.used == 0) snapshot.used = sizeof snapshot;
  if (snapshot.used + sizeof(struct block) + size > HEAP_CAPACITY) return from_libc(size);
  struct block *block = (struct block *)((char *)&snapshot + snapshot.used);
  block->size = size;
  snapshot.used += sizeof *block + size;
  return block + 1;
}

static void heap_free(JSMallocState *state, void *pointer) {
  (void)state;
  if (!pointer) return;
  if (!is_ours(pointer)) {
    free(block_of(pointer));
    return;
  }
  size_t size = block_of(pointer)->size;
  unsigned class = class_of(&size);
  memcpy(pointer, &snapshot.free[class], sizeof pointer);
  snapshot.free[class] = pointer;
}

static size_t heap_usable_size(const void *pointer) {
  return pointer ? block_of(pointer)->size : 0;
}

static void *heap_realloc(JSMallocState *state, void *pointer, size_t size) {
  if (!pointer) return heap_alloc(state, size);
  size_t old = heap_usable_size(pointer);
  if (size != 0 && size <= old) return pointer;
  void *copy = size == 0 ? NULL : heap_alloc(state, size);
  if (copy) memcpy(copy, pointer, old);
  if (copy || size == 0) heap_free(state, pointer);
  return copy;
}

const JSMallocFunctions heap_functions = {heap_alloc, heap_free, heap_realloc, heap_usable_size};

void heap_forget_free(void) {
  memset(snapshot.free, 0, sizeof snapshot.free);
}
