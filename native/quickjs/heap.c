#include "heap.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/// In front of each block of the snapshot; as long as the alignment that malloc(3) promises.
struct block {
  _Alignas(16) size_t size;
};

// Not HEAP_CAPACITY: in the finished tool the kernel may lay libc's heap right behind the bytes in use.
static bool in_snapshot(const void *pointer) {
  return (uintptr_t)pointer - (uintptr_t)&snapshot < snapshot.used;
}

static size_t block_size(const void *pointer) {
  return ((const struct block *)pointer - 1)->size;
}

static void *snapshot_alloc(size_t size) {
  if (snapshot.used == 0) snapshot.used = (sizeof snapshot + 15) & ~(size_t)15;
  size = (size + 15) & ~(size_t)15;
  if (size > HEAP_CAPACITY || snapshot.used + sizeof(struct block) + size > HEAP_CAPACITY) return NULL;
  struct block *block = (struct block *)((char *)&snapshot + snapshot.used);
  block->size = size;
  snapshot.used += sizeof *block + size;
  return block + 1;
}

static void *heap_alloc(JSMallocState *state, size_t size) {
  (void)state;
  return snapshot.context ? malloc(size) : snapshot_alloc(size);
}

static void heap_free(JSMallocState *state, void *pointer) {
  (void)state;
  if (!in_snapshot(pointer)) free(pointer);
}

static size_t heap_usable_size(const void *pointer) {
  if (!pointer) return 0;
  return in_snapshot(pointer) ? block_size(pointer) : malloc_usable_size((void *)pointer);
}

static void *heap_realloc(JSMallocState *state, void *pointer, size_t size) {
  if (!pointer) return heap_alloc(state, size);
  if (!in_snapshot(pointer)) return realloc(pointer, size);
  size_t old = block_size(pointer);
  if (size == 0) return NULL;
  if (size <= old) return pointer;
  void *copy = heap_alloc(state, size);
  return copy ? memcpy(copy, pointer, old) : NULL;
}

const JSMallocFunctions heap_functions = {heap_alloc, heap_free, heap_realloc, heap_usable_size};
