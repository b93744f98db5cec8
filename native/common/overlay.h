// Overlay filesystems (overlayfs): the shim mounts roots of containers with it, the image tool's addon the layers that it unpacks.
#pragma once
#include <stddef.h>

/// Mounts at `target` the directories of `lowers` (NUL-ended paths, the topmost first), under `upper` with its `work`; with an empty
/// `upper`, read-only. The layers are named by descriptors, so that neither their paths' length nor a character in them counts.
/// What is written to it is not on the disk before sync. 0 or -errno; -E2BIG: more layers than the kernel's page of options holds.
int overlay_mount(const char *lowers, size_t length, const char *upper, const char *work, const char *target);
