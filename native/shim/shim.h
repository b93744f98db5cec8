// What the files of the shim share. The shim is the runtime's side of the system: one C function per row of
// src/sys-table.ts, called from QuickJS or Bun. A result is >= 0 or -errno; a text's result is its length.
#ifndef TSRUN_SHIM_H
#define TSRUN_SHIM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../gen/sys.gen.h"
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The text of the last call with a text result. Valid until the next such call.
const char *tsr_text(void);

/// In a checkout: where the built tsrun-init is, because the shared library has none embedded.
int64_t tsr_set_init_path(const char *path);

/// Room for `size` bytes (and a final NUL) in the text buffer, its contents kept; NULL when memory is out.
char *text_reserve(size_t size);
/// Makes the first `length` bytes of the buffer the result, invalid UTF-8 replaced by `?`.
int64_t text_finish(size_t length);
/// The same for a copy of `data`, which must be UTF-8: else -EILSEQ.
int64_t text_copy_exact(const char *data, size_t length);

/// Sets the extra result that tsr_out(index) reads.
void set_out(int index, int64_t value);

/// The number of leading bytes that are valid UTF-8.
size_t utf8_valid_prefix(const char *data, size_t length);

/// Milliseconds of the monotonic clock: the base of every deadline.
int64_t now_ms(void);
/// What is left until `deadline` (-1: none) in the form that poll(2) takes.
int poll_timeout(int64_t deadline);
/// poll(2) of one fd until `deadline`, restarted when interrupted: 1 ready, 0 when time is over, -errno.
int wait_ready(int fd, short events, int64_t deadline);

/// Before a child is made: what ignores SIGCHLD, as our caller may have it, never hears how its children end.
void keep_exit_statuses(void);

/// Writes all of it: 0 or -errno.
int64_t write_all(int fd, const char *data, size_t length);
/// A memfd with this content, sealed against every change when `sealed`, its offset at 0: fd or -errno.
int memfd_with(const char *name, unsigned flags, const char *data, size_t length, bool sealed);

/// Exit code of a wait status as a shell gives it: code, or 128 + signal.
int exit_code(int status);

/// Splits NUL-ended items into a vector with a final NULL; to be freed by the caller. NULL with errno set on failure.
char **split_list(const char *list, size_t length);

#endif
