// The relay between our own stdin and stdout and the master side of the container's terminal.
#include "foreground.h"
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

/// A pipe that poll calls writable takes this much at once without blocking (PIPE_BUF).
enum { WRITE_STEP = 4096 };
enum { AT_MASTER, AT_STDIN, AT_STDOUT };

static bool is_empty(const struct channel *channel) {
  return channel->start == channel->end;
}

bool relay_has_terminal(const struct relay *relay) {
  return relay->master >= 0;
}

bool relay_has_output(const struct relay *relay) {
  return !is_empty(&relay->output);
}

bool relay_is_open(const struct relay *relay) {
  return relay->master >= 0 && (relay->output.from >= 0 || relay_has_output(relay));
}

static void set_raw(struct relay *relay) {
  struct termios raw = relay->saved;
  cfmakeraw(&raw);
  relay->raw = tcsetattr(0, TCSANOW, &raw) == 0;
}

void relay_start(struct relay *relay, int master) {
  relay->master = master;
  relay->raw = false;
  relay->input = (struct channel){.from = 0, .to = master};
  relay->output = (struct channel){.from = master, .to = 1};
  if (master < 0) return;
  // Nobody else has the master; our stdin and stdout are shared with the caller, so those stay as they are.
  fcntl(master, F_SETFL, fcntl(master, F_GETFL) | O_NONBLOCK);
  relay_resize(relay);
  if (tcgetattr(0, &relay->saved) == 0) set_raw(relay);
}

void relay_end(struct relay *relay) {
  if (relay->raw) tcsetattr(0, TCSANOW, &relay->saved);
}

void relay_resize(struct relay *relay) {
  struct winsize size;
  for (int fd = 0; fd <= 2; fd++) {
    if (ioctl(fd, TIOCGWINSZ, &size) < 0) continue;
    ioctl(relay->master, TIOCSWINSZ, &size);
    return;
  }
}

void relay_resume(struct relay *relay) {
  if (relay->raw) set_raw(relay);
  if (relay->master >= 0) relay_resize(relay);
}

void relay_watch(const struct relay *relay, struct pollfd *fds) {
  for (int i = 0; i < RELAY_FDS; i++) fds[i] = (struct pollfd){.fd = -1};
  if (relay->master < 0) return;
  const struct channel *input = &relay->input, *output = &relay->output;
  if (is_empty(output) && output->from >= 0) fds[AT_MASTER].events |= POLLIN;
  if (!is_empty(input) && input->to >= 0) fds[AT_MASTER].events |= POLLOUT;
  if (fds[AT_MASTER].events != 0) fds[AT_MASTER].fd = relay->master;
  if (is_empty(input) && input->from >= 0 && input->to >= 0) fds[AT_STDIN] = (struct pollfd){.fd = input->from, .events = POLLIN};
  if (!is_empty(output) && output->to >= 0) fds[AT_STDOUT] = (struct pollfd){.fd = output->to, .events = POLLOUT};
}

/// Fills an empty channel. At the end of its source (a terminal's is EIO) the source is given up.
static void fill(struct channel *channel) {
  ssize_t got = read(channel->from, channel->data, sizeof channel->data);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got <= 0) {
    channel->from = -1;
    return;
  }
  channel->start = 0;
  channel->end = (size_t)got;
}

/// Writes some. A closed destination swallows the rest, so that the program never blocks on it.
static void flush(struct channel *channel) {
  size_t left = channel->end - channel->start;
  ssize_t written = write(channel->to, channel->data + channel->start, left < WRITE_STEP ? left : WRITE_STEP);
  if (written < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (written < 0) {
    channel->to = -1;
    channel->start = channel->end;
    return;
  }
  channel->start += (size_t)written;
}

void relay_move(struct relay *relay, const struct pollfd *fds) {
  const short readable = POLLIN | POLLHUP | POLLERR | POLLNVAL, writable = POLLOUT | POLLHUP | POLLERR | POLLNVAL;
  if ((fds[AT_STDOUT].revents & writable) != 0) flush(&relay->output);
  if ((fds[AT_MASTER].events & POLLOUT) != 0 && (fds[AT_MASTER].revents & writable) != 0) flush(&relay->input);
  if ((fds[AT_MASTER].events & POLLIN) != 0 && (fds[AT_MASTER].revents & readable) != 0) fill(&relay->output);
  if ((fds[AT_STDIN].revents & readable) != 0) fill(&relay->input);
  // Nobody reads our stdout any more: what comes is dropped.
  if (relay->output.to < 0) relay->output.start = relay->output.end;
}
