// The engine's heap, and the snapshot of it that the released executable carries.
#ifndef TSRUN_HEAP_H
#define TSRUN_HEAP_H

#include <stddef.h>

#include <quickjs.h>

/// Bytes of the section ".snapshot". Memory that nobody touches costs nothing.
enum { HEAP_CAPACITY = 32 << 20, HEAP_CLASSES = 160 };

/// The start of the section, which has a fixed address (scripts/build.ts). Blocks are laid one after the other behind this header.
/// The build writes the bytes up to `used` into the executable, pointers and all; the finished tool goes on behind them.
struct snapshot {
  /// Bytes of the section in use; 0 before anything was allocated.
  size_t used;
  /// What main() starts from. NULL: this executable has no snapshot yet.
  JSContext *context;
  JSValue entry;
  /// Freed blocks by class of size.
  void *free[HEAP_CLASSES];
};
extern struct snapshot snapshot;

/// The allocator that a runtime is made with.
extern const JSMallocFunctions heap_functions;

/// Leaves freed blocks alone from here on: the finished tool's blocks shall lie together, in pages that are not in the file.
void heap_forget_free(void);

#endif
