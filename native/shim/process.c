// Facts of this process, time, and waiting for or signalling others.
#include "shim.h"
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t tsr_getpid(void) {
  return getpid();
}

int64_t tsr_geteuid(void) {
  return geteuid();
}

int64_t tsr_getegid(void) {
  return getegid();
}

int64_t tsr_capabilities(void) {
  enum { WORD = 32, LARGEST = 63 };
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct words[_LINUX_CAPABILITY_U32S_3];
  if (syscall(SYS_capget, &header, words) < 0) return -errno;
  int64_t mask = 0;
  int number = 0;
  // EINVAL behind the last one.
  for (int bounding; number < LARGEST && (bounding = prctl(PR_CAPBSET_READ, number)) >= 0; number++)
    if (bounding && (words[number / WORD].permitted >> number % WORD & 1)) mask |= INT64_C(1) << number;
  set_out(0, number - 1);
  return mask;
}

int64_t tsr_getcwd(void) {
  char path[PATH_MAX];
  if (getcwd(path, sizeof path) == NULL) return -errno;
  return text_copy_exact(path, strlen(path));
}

int64_t tsr_getenv(const char *name) {
  const char *value = getenv(name);
  return value == NULL ? -ENOENT : text_copy_exact(value, strlen(value));
}

int64_t tsr_clock_ns(int64_t clock) {
  struct timespec now;
  if (clock_gettime((clockid_t)clock, &now) < 0) return -errno;
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/// Days since 1970-01-01 -> year, month (1-12) and day of the Gregorian calendar. Years begin in March here, so that a leap day is
/// the last day of one. gmtime_r would do the same, but reads the time zone files first: 0.1 ms at every create.
static void civil_date(int64_t days, int *year, int *month, int *day) {
  enum { DAYS_TO_MARCH_OF_YEAR_0 = 719468, ERA_YEARS = 400, ERA_DAYS = 146097 };
  days += DAYS_TO_MARCH_OF_YEAR_0;
  int64_t era = days / ERA_DAYS, of_era = days % ERA_DAYS;
  int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / (ERA_DAYS - 1)) / 365;
  int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
  int64_t months = (5 * of_year + 2) / 153;
  *day = (int)(of_year - (153 * months + 2) / 5 + 1);
  *month = (int)(months < 10 ? months + 3 : months - 9);
  *year = (int)(era * ERA_YEARS + years + (*month <= 2 ? 1 : 0));
}

int64_t tsr_time_text(void) {
  enum { DAY_SECONDS = 86400 };
  struct timespec now;
  int year, month, day;
  clock_gettime(CLOCK_REALTIME, &now);
  civil_date(now.tv_sec / DAY_SECONDS, &year, &month, &day);
  int second = (int)(now.tv_sec % DAY_SECONDS);
  char text[80];
  int length = snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ", year, month, day, second / 3600, second / 60 % 60, second % 60, now.tv_nsec);
  return text_copy_exact(text, (size_t)length);
}

int64_t tsr_sleep_ms(int64_t milliseconds) {
  struct timespec left = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
  while (nanosleep(&left, &left) < 0)
    if (errno != EINTR) return -errno;
  return 0;
}

int64_t tsr_isatty(int64_t fd) {
  return isatty((int)fd);
}

int64_t tsr_set_subreaper(int64_t on) {
  return prctl(PR_SET_CHILD_SUBREAPER, (unsigned long)(on != 0), 0, 0, 0) < 0 ? -errno : 0;
}

/// The name of the line `name:password:uid:...` when its uid is this one: its length, else 0.
static size_t passwd_name(const char *line, int64_t uid) {
  const char *name_end = strchr(line, ':');
  const char *password_end = name_end == NULL ? NULL : strchr(name_end + 1, ':');
  if (password_end == NULL) return 0;
  char *number_end;
  errno = 0;
  long long number = strtoll(password_end + 1, &number_end, 10);
  if (errno != 0 || *number_end != ':' || number_end == password_end + 1 || number != uid) return 0;
  return (size_t)(name_end - line);
}

// By hand and not getpwuid(3): a static program has no NSS.
int64_t tsr_user_name(int64_t uid) {
  FILE *file = fopen("/etc/passwd", "re");
  if (file == NULL) return -errno;
  char *line = NULL;
  size_t size = 0, length = 0;
  while (length == 0 && getline(&line, &size, file) > 0) length = passwd_name(line, uid);
  int64_t found = length == 0 ? -ENOENT : text_copy_exact(line, length);
  free(line);
  fclose(file);
  return found;
}

int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int poll_timeout(int64_t deadline) {
  if (deadline < 0) return -1;
  int64_t left = deadline - now_ms();
  return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

int wait_ready(int fd, short events, int64_t deadline) {
  for (;;) {
    struct pollfd poll_fd = {.fd = fd, .events = events};
    int ready = poll(&poll_fd, 1, poll_timeout(deadline));
    if (ready > 0) return 1;
    if (ready < 0 && errno != EINTR) return -errno;
    if (ready == 0 && (deadline < 0 || now_ms() >= deadline)) return 0;
  }
}

int exit_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int64_t tsr_pidfd_open(int64_t pid) {
  long fd = syscall(SYS_pidfd_open, (pid_t)pid, 0);
  return fd < 0 ? -errno : fd;
}

void keep_exit_statuses(void) {
  struct sigaction present;
  if (sigaction(SIGCHLD, NULL, &present) == 0 && present.sa_handler == SIG_IGN) signal(SIGCHLD, SIG_DFL);
}

int64_t tsr_wait_pid(int64_t pid, int64_t timeout_ms) {
  if (timeout_ms >= 0) {
    int64_t pidfd = tsr_pidfd_open(pid);
    if (pidfd < 0) return pidfd == -ESRCH ? -ECHILD : pidfd;
    int ready = wait_ready((int)pidfd, POLLIN, now_ms() + timeout_ms);
    close((int)pidfd);
    if (ready <= 0) return ready == 0 ? -ETIMEDOUT : ready;
  }
  int status;
  pid_t waited;
  // __WALL: init may have been started without an exit signal.
  do waited = waitpid((pid_t)pid, &status, __WALL);
  while (waited < 0 && errno == EINTR);
  if (waited < 0) return -errno;
  set_out(0, status);
  return exit_code(status);
}

int64_t tsr_kill(int64_t pid, int64_t signal) {
  return kill((pid_t)pid, (int)signal) < 0 ? -errno : 0;
}

int64_t tsr_pidfd_signal(int64_t pidfd, int64_t signal) {
  return syscall(SYS_pidfd_send_signal, (int)pidfd, (int)signal, NULL, 0) < 0 ? -errno : 0;
}

int64_t tsr_pidfd_wait(int64_t pidfd, int64_t timeout_ms) {
  return wait_ready((int)pidfd, POLLIN, timeout_ms < 0 ? -1 : now_ms() + timeout_ms);
}
