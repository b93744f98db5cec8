// The engine's heap, and the snapshot of it that the released executable carries.
#ifndef TSRUN_HEAP_H
#define TSRUN_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include <quickjs.h>

enum { HEAP_CAPACITY = 4 << 20 };

/// The start of the section ".snapshot", which has a fixed address (scripts/build.ts). At build time blocks are laid one after
/// the other behind this header; the bytes up to `used` then become the section's content, pointers and all.
struct snapshot {
  /// Bytes of the section in use; 0 before anything was allocated.
  size_t used;
  /// What main() starts from. NULL: this executable has no snapshot yet.
  JSContext *context;
  JSValue entry;
};
extern struct snapshot snapshot;

/// The allocator that a runtime is made with: blocks in the snapshot while it is built, of libc's heap in the finished tool.
/// A block of the snapshot that the finished tool frees is left where it is.
extern const JSMallocFunctions heap_functions;

#endif
