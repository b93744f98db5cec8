// The terminal's relay, as the foreground loop uses it.
#ifndef TSRUN_FOREGROUND_H
#define TSRUN_FOREGROUND_H

#include "shim.h"
#include <poll.h>
#include <termios.h>

enum { RELAY_FDS = 3, RELAY_SIZE = 8 * 1024 };

/// Bytes on their way in one direction; read from `from` only when empty, so that the slower side sets the pace.
struct channel {
  int from, to;
  size_t start, end;
  char data[RELAY_SIZE];
};
struct relay {
  int master;
  /// Our own terminal on fd 0 is in raw mode and `saved` is what it was.
  bool raw;
  struct termios saved;
  struct channel input, output;
};

/// `master`: the container's terminal, or -1 for none: then every other call is a no-op.
void relay_start(struct relay *relay, int master);
void relay_end(struct relay *relay);
bool relay_has_terminal(const struct relay *relay);
/// Copies our window size to the container's terminal.
void relay_resize(struct relay *relay);
/// After a stop: raw mode again.
void relay_resume(struct relay *relay);
/// True until the container's terminal is at its end and everything from it is written.
bool relay_is_open(const struct relay *relay);
bool relay_has_output(const struct relay *relay);
/// Fills the RELAY_FDS entries, and handles them after poll.
void relay_watch(const struct relay *relay, struct pollfd *fds);
void relay_move(struct relay *relay, const struct pollfd *fds);

#endif
