// A directory of the caller's own, who without root may have no right to it.
#pragma once
#include <sys/types.h>

/// Opens a directory for reading by its O_PATH descriptor, which is closed; the owner takes the rights that are missing. `mode` (or NULL):
/// the mode that it had. fd or -errno.
int open_own_directory(int place, mode_t *mode);
