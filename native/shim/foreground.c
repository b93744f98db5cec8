// Stands in for the container's program in the foreground: passes every signal on to it, relays its terminal, reaps what
// is re-parented to us, and returns its exit code.
#include "foreground.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DRAIN_IDLE_MS = 100, RESCUE_MS = 1000 };

/// The handlers write each signal's number here and the loop reads it: works in a process with threads of its own as well.
static int signal_pipe[2] = {-1, -1};

static bool is_fault(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL || signal == SIGTRAP || signal == SIGSYS;
}

static void on_signal(int number, siginfo_t *info, void *context) {
  (void)context;
  int saved = errno;
  bool from_kernel = info->si_code > 0;
  unsigned char byte = (unsigned char)number;
  if (from_kernel && is_fault(number)) {
    signal(number, SIG_DFL);
  } else if (from_kernel && (number == SIGTTIN || number == SIGTTOU)) {
    // We are a background job that touched its terminal: stop like one.
    raise(SIGSTOP);
  } else if (number != SIGPIPE || info->si_pid != getpid()) {
    // Our own broken pipe is not the program's affair.
    if (write(signal_pipe[1], &byte, 1) < 0) errno = saved;
  }
  errno = saved;
}

static bool is_forwardable(int number) {
  // 32 and 33 belong to the C library's threads.
  return number != SIGKILL && number != SIGSTOP && number != SIGURG && number != 32 && number != 33;
}

/// The mask that was there before hold_signals.
static sigset_t mask_before;
static bool are_held;

int64_t tsr_hold_signals(void) {
  sigset_t all;
  sigfillset(&all);
  if (sigprocmask(SIG_BLOCK, &all, &mask_before) < 0) return -errno;
  are_held = true;
  return 0;
}

static int64_t catch_signals(struct sigaction *old) {
  if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0) return -errno;
  for (int number = 1; number < NSIG; number++) {
    old[number].sa_handler = SIG_ERR;
    struct sigaction present, action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    if (!is_forwardable(number) || sigaction(number, NULL, &present) < 0) continue;
    // A host engine's own handlers (faults, thread suspension) stay.
    if (present.sa_handler != SIG_DFL && present.sa_handler != SIG_IGN) continue;
    sigfillset(&action.sa_mask);
    sigaction(number, &action, &old[number]);
  }
  // Now those that came while the container was made.
  if (are_held) sigprocmask(SIG_SETMASK, &mask_before, NULL);
  are_held = false;
  return 0;
}

/// What the end of the program leaves to be done, its deletion, is not broken off by a signal that comes late: none is taken any more.
static void restore_signals(const struct sigaction *old) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  for (int number = 1; number < NSIG; number++)
    if (old[number].sa_handler != SIG_ERR) sigaction(number, &old[number], NULL);
  close(signal_pipe[0]);
  close(signal_pipe[1]);
}

/// Collects what has ended: 1 when the program itself has (its status in `status`), else 0 or -errno.
static int64_t reap(pid_t pid, bool orphans, int *status) {
  int64_t found = 0;
  for (;;) {
    int one;
    pid_t waited = waitpid(orphans && found == 0 ? -1 : pid, &one, WNOHANG | __WALL);
    if (waited < 0 && errno == EINTR) continue;
    if (waited < 0) return found != 0 ? found : -errno;
    if (waited == 0) return found;
    if (waited != pid) continue;
    *status = one;
    found = 1;
    if (!orphans) return 1;
  }
}

/// Handles the signals that have come. `ended` means that nobody is left to forward to: then a wish to end is obeyed (returns true).
static bool handle_signals(pid_t pid, struct relay *relay, bool ended) {
  unsigned char numbers[64];
  bool leave = false;
  ssize_t count;
  while ((count = read(signal_pipe[0], numbers, sizeof numbers)) > 0) {
    for (ssize_t i = 0; i < count; i++) {
      int number = numbers[i];
      if (number == SIGCHLD) continue;
      if (number == SIGWINCH && relay_has_terminal(relay)) {
        relay_resize(relay);
        continue;
      }
      if (number == SIGCONT) relay_resume(relay);
      if (!ended)
        kill(pid, number);
      else if (number == SIGHUP || number == SIGINT || number == SIGQUIT || number == SIGTERM)
        leave = true;
    }
  }
  return leave;
}

/// Waits for events and handles them once. 1: go on, 0: nothing came within the time, 2: asked to leave.
static int step(pid_t pid, int pidfd, struct relay *relay, bool ended, int timeout_ms) {
  struct pollfd fds[2 + RELAY_FDS] = {{.fd = signal_pipe[0], .events = POLLIN}, {.fd = ended ? -1 : pidfd, .events = POLLIN}};
  relay_watch(relay, fds + 2);
  int ready = poll(fds, 2 + RELAY_FDS, timeout_ms);
  if (ready < 0) return 1;
  if (ready == 0) return 0;
  if (fds[0].revents != 0 && handle_signals(pid, relay, ended)) return 2;
  relay_move(relay, fds + 2);
  return 1;
}

/// What the program wrote last is still to be shown. It is over when the terminal is closed, or stays silent while others hold it.
static void drain(pid_t pid, struct relay *relay) {
  while (relay_is_open(relay)) {
    int moved = step(pid, -1, relay, true, relay_has_output(relay) ? -1 : DRAIN_IDLE_MS);
    if (moved == 2 || (moved == 0 && !relay_has_output(relay))) return;
  }
}

int64_t tsr_foreground(int64_t pid, int64_t pidfd, int64_t master, int64_t orphans) {
  struct sigaction old[NSIG];
  struct relay relay;
  int status = 0;
  int64_t ended = catch_signals(old);
  if (ended < 0) return ended;
  relay_start(&relay, (int)master);
  // Without a pidfd SIGCHLD wakes us; the timeout is for one that came before the handler.
  while ((ended = reap((pid_t)pid, orphans != 0, &status)) == 0) step((pid_t)pid, (int)pidfd, &relay, false, pidfd < 0 ? RESCUE_MS : -1);
  if (ended > 0) drain((pid_t)pid, &relay);
  relay_end(&relay);
  restore_signals(old);
  set_out(0, status);
  return ended < 0 ? ended : exit_code(status);
}
