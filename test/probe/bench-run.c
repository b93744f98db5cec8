// Runs one command as cheaply and as equally as can be for every runtime: fork, exec, wait4. Output of the command goes to
// /dev/null. Prints "<nanoseconds> <peak resident kB> <exit status>". Usage: bench-run COMMAND ARGUMENTS...
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 2) return 64;
  int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  struct timespec from, to;
  struct rusage usage;
  int status = 0;
  clock_gettime(CLOCK_MONOTONIC, &from);
  pid_t child = vfork();
  if (child == 0) {
    dup2(null_fd, 0);
    dup2(null_fd, 1);
    dup2(null_fd, 2);
    execv(argv[1], argv + 1);
    _exit(127);
  }
  if (child < 0 || wait4(child, &status, 0, &usage) != child) return 1;
  clock_gettime(CLOCK_MONOTONIC, &to);
  long long ns = (to.tv_sec - from.tv_sec) * 1000000000LL + (to.tv_nsec - from.tv_nsec);
  printf("%lld %ld %d\n", ns, usage.ru_maxrss, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  return 0;
}
