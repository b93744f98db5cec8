// The probe: a static program that tests run inside containers. Each argument is a word that asks for one fact or does
// one thing; answers are `key=value` lines on stdout. It needs neither /proc nor a libc in the container wherever it can.
// Words with an argument are written `word:argument`; the key of the answer is then the whole word.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static char **g_argv;

static void put_escaped(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (text[i] == '\n') {
      fputs("\\n", stdout);
    } else if (text[i] == '\\') {
      fputs("\\\\", stdout);
    } else if (text[i] == '\0') {
      fputs("\\0", stdout);
    } else {
      putchar(text[i]);
    }
  }
}

static void answer(const char *key, const char *format, ...) {
  char text[8192];
  va_list list;
  va_start(list, format);
  int length = vsnprintf(text, sizeof(text), format, list);
  va_end(list);
  printf("%s=", key);
  put_escaped(text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
  putchar('\n');
}

static void answer_result(const char *key, long result) {
  answer(key, "%s", result < 0 ? strerrorname_np(errno) : "ok");
}

/** Prints a file line by line (lines = true), or as one escaped value. */
static void answer_file(const char *key, const char *path, bool lines) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    answer(key, "!%s", strerrorname_np(errno));
    return;
  }
  static char text[1 << 20];
  size_t length = 0;
  ssize_t part;
  while (length < sizeof(text) && (part = read(fd, text + length, sizeof(text) - length)) > 0) length += (size_t)part;
  int read_errno = errno;
  close(fd);
  if (length == 0 && part < 0) {
    answer(key, "!%s", strerrorname_np(read_errno));
    return;
  }
  if (!lines) {
    if (length > 0 && text[length - 1] == '\n') length--;
    printf("%s=", key);
    put_escaped(text, length);
    putchar('\n');
    return;
  }
  for (size_t at = 0; at < length;) {
    char *end = memchr(text + at, '\n', length - at);
    size_t size = end ? (size_t)(end - text) - at : length - at;
    printf("%s=", key);
    put_escaped(text + at, size);
    putchar('\n');
    at += size + 1;
  }
}

// --- words without an argument ---

static void word_cwd(const char *key) {
  char path[4096];
  answer(key, "%s", getcwd(path, sizeof(path)) ? path : "!");
}

/** Texts of any length. */
static void answer_text(const char *key, const char *text) {
  printf("%s=", key);
  put_escaped(text, strlen(text));
  putchar('\n');
}

static void word_args(const char *key) {
  for (int i = 0; g_argv[i]; i++) answer_text(key, g_argv[i]);
}

static void word_env(const char *key) {
  for (char **entry = environ; *entry; entry++) answer_text(key, *entry);
}

static int compare_groups(const void *left, const void *right) {
  gid_t a = *(const gid_t *)left;
  gid_t b = *(const gid_t *)right;
  return a < b ? -1 : a > b;
}

static void word_user(const char *key) {
  (void)key;
  uid_t ruid, euid, suid;
  gid_t rgid, egid, sgid;
  getresuid(&ruid, &euid, &suid);
  getresgid(&rgid, &egid, &sgid);
  answer("uid", "%u %u %u", ruid, euid, suid);
  answer("gid", "%u %u %u", rgid, egid, sgid);
  gid_t groups[1024];
  int count = getgroups(1024, groups);
  char text[8192] = "";
  size_t used = 0;
  if (count > 0) qsort(groups, (size_t)count, sizeof(gid_t), compare_groups);
  for (int i = 0; i < count; i++) used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u", i ? " " : "", groups[i]);
  answer("groups", "%s", text);
}

static void word_umask(const char *key) {
  mode_t mask = umask(0);
  umask(mask);
  answer(key, "%04o", mask);
}

static void word_caps(const char *key) {
  (void)key;
  struct {
    uint32_t version;
    int pid;
  } header = {0x20080522, 0};
  struct {
    uint32_t effective, permitted, inheritable;
  } data[2] = {{0, 0, 0}, {0, 0, 0}};
  syscall(SYS_capget, &header, data);
  uint64_t bounding = 0, ambient = 0;
  for (int cap = 0; cap < 64; cap++) {
    if (prctl(PR_CAPBSET_READ, cap) == 1) bounding |= 1ULL << cap;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1) ambient |= 1ULL << cap;
  }
  answer("caps.effective", "%llx", (unsigned long long)data[1].effective << 32 | data[0].effective);
  answer("caps.permitted", "%llx", (unsigned long long)data[1].permitted << 32 | data[0].permitted);
  answer("caps.inheritable", "%llx", (unsigned long long)data[1].inheritable << 32 | data[0].inheritable);
  answer("caps.bounding", "%llx", (unsigned long long)bounding);
  answer("caps.ambient", "%llx", (unsigned long long)ambient);
}

static void word_prctl(const char *key) {
  (void)key;
  int death = 0;
  prctl(PR_GET_PDEATHSIG, &death);
  answer("nnp", "%d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  answer("dumpable", "%d", prctl(PR_GET_DUMPABLE));
  answer("securebits", "%d", prctl(PR_GET_SECUREBITS));
  answer("pdeathsig", "%d", death);
}

static void word_rlimits(const char *key) {
  (void)key;
  static const char *const names[] = {"CPU",     "FSIZE", "DATA",  "STACK",      "CORE",     "RSS",  "NPROC",  "NOFILE",
                                      "MEMLOCK", "AS",    "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"};
  for (int resource = 0; resource < 16; resource++) {
    struct rlimit limit;
    char name[64];
    if (getrlimit((__rlimit_resource_t)resource, &limit) < 0) continue;
    snprintf(name, sizeof(name), "rlimit.RLIMIT_%s", names[resource]);
    answer(name, "%llu %llu", (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max);
  }
}

static void word_mounts(const char *key) {
  (void)key;
  answer_file("mount", "/proc/self/mountinfo", true);
}

static void word_cgroup(const char *key) {
  answer_file(key, "/proc/self/cgroup", true);
}

static void word_oom(const char *key) {
  answer_file(key, "/proc/self/oom_score_adj", false);
}

static void describe(char *text, size_t size, const struct stat *info) {
  const char *type = S_ISREG(info->st_mode)    ? "file"
                     : S_ISDIR(info->st_mode)  ? "dir"
                     : S_ISLNK(info->st_mode)  ? "link"
                     : S_ISCHR(info->st_mode)  ? "char"
                     : S_ISBLK(info->st_mode)  ? "block"
                     : S_ISFIFO(info->st_mode) ? "fifo"
                                               : "socket";
  snprintf(text, size, "%s %04o %u:%u %u:%u size=%lld dev=%llu ino=%llu", type, info->st_mode & 07777, info->st_uid, info->st_gid, major(info->st_rdev),
           minor(info->st_rdev), (long long)info->st_size, (unsigned long long)info->st_dev, (unsigned long long)info->st_ino);
}

/** Every open descriptor: number, close-on-exec, what it is, and its /proc link when there is one. */
static void word_fds(const char *key) {
  (void)key;
  for (int fd = 0; fd < 4096; fd++) {
    int flags = fcntl(fd, F_GETFD);
    if (flags < 0) continue;
    struct stat info;
    char proc[64], text[512] = "?", link[4096] = "";
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(proc, link, sizeof(link) - 1);
    if (length >= 0) link[length] = 0;
    if (fstat(fd, &info) == 0) describe(text, sizeof(text), &info);
    answer("fd", "%d %s %s", fd, link[0] ? link : "-", text);
  }
}

static void word_uts(const char *key) {
  (void)key;
  struct utsname name;
  uname(&name);
  answer("hostname", "%s", name.nodename);
  answer("domainname", "%s", name.domainname);
  answer("machine", "%s", name.machine);
}

static void word_ns(const char *key) {
  (void)key;
  static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    char path[64], link[128], name[32];
    snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
    snprintf(name, sizeof(name), "ns.%s", names[i]);
    ssize_t length = readlink(path, link, sizeof(link) - 1);
    link[length < 0 ? 0 : length] = 0;
    answer(name, "%s", link);
  }
}

static void word_ids(const char *key) {
  (void)key;
  answer("pid", "%d", getpid());
  answer("ppid", "%d", getppid());
  answer("sid", "%d", getsid(0));
  answer("pgid", "%d", getpgid(0));
}

static void word_tty(const char *key) {
  (void)key;
  struct winsize size = {0, 0, 0, 0};
  char name[256] = "";
  for (int fd = 0; fd < 3; fd++) {
    char text[32];
    snprintf(text, sizeof(text), "tty.%d", fd);
    answer(text, "%s", ttyname_r(fd, name, sizeof(name)) == 0 ? name : isatty(fd) ? "yes" : "no");
  }
  if (ioctl(0, TIOCGWINSZ, &size) == 0) answer("tty.size", "%ux%u", size.ws_col, size.ws_row);
  int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
  answer_result("tty.controlling", fd);
  if (fd >= 0) answer("tty.foreground", "%d", tcgetpgrp(fd) == getpgrp());
}

struct attr {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

static void word_sched(const char *key) {
  struct attr attr = {0};
  syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0);
  answer(key, "policy=%u flags=%llu nice=%d priority=%u runtime=%llu deadline=%llu period=%llu", attr.policy, (unsigned long long)attr.flags, attr.nice,
         attr.priority, (unsigned long long)attr.runtime, (unsigned long long)attr.deadline, (unsigned long long)attr.period);
}

static void word_affinity(const char *key) {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof(set), &set);
  char text[1024] = "";
  size_t used = 0;
  for (int cpu = 0; cpu < 128; cpu++)
    if (CPU_ISSET(cpu, &set)) used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%d", used ? "," : "", cpu);
  answer(key, "%s", text);
}

static void word_ioprio(const char *key) {
  long value = syscall(SYS_ioprio_get, 1, 0);
  answer(key, "%ld %ld", value >> 13, value & 0x1fff);
}

/** The thread's memory policy: mode with its flags, and the first 64 nodes. */
static void word_mempolicy(const char *key) {
  int mode = -1;
  unsigned long nodes[16] = {0};
  long result = syscall(SYS_get_mempolicy, &mode, nodes, sizeof(nodes) * 8, NULL, 0);
  answer(key, "%s%x %lx", result < 0 ? strerrorname_np(errno) : "", (unsigned)mode, nodes[0]);
}

static void word_personality(const char *key) {
  answer(key, "%lx", (unsigned long)(unsigned)personality(0xffffffff));
}

static void word_clock(const char *key) {
  (void)key;
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  answer("clock.monotonic", "%lld", (long long)at.tv_sec);
  clock_gettime(CLOCK_BOOTTIME, &at);
  answer("clock.boottime", "%lld", (long long)at.tv_sec);
}

static void word_keyring(const char *key) {
  char text[512] = "";
  long length = syscall(SYS_keyctl, 6 /* KEYCTL_DESCRIBE */, -3 /* session keyring */, text, sizeof(text) - 1, 0);
  answer(key, "%s", length < 0 ? strerrorname_np(errno) : text);
  length = syscall(SYS_keyctl, 17 /* KEYCTL_GET_SECURITY */, -3, text, sizeof(text) - 1);
  answer("keyring.label", "%s", length < 0 ? strerrorname_np(errno) : text);
}

static void word_label(const char *key, const char *path) {
  char text[512] = "";
  ssize_t length = lgetxattr(path, "security.selinux", text, sizeof(text) - 1);
  answer(key, "%s", length < 0 ? strerrorname_np(errno) : text);
}

static void word_signals(const char *key) {
  (void)key;
  sigset_t mask;
  sigprocmask(SIG_BLOCK, NULL, &mask);
  char blocked[512] = "", ignored[512] = "";
  size_t used_blocked = 0, used_ignored = 0;
  for (int number = 1; number < 65; number++) {
    struct sigaction action = {0};
    if (sigismember(&mask, number) == 1)
      used_blocked += (size_t)snprintf(blocked + used_blocked, sizeof(blocked) - used_blocked, "%s%d", used_blocked ? " " : "", number);
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
      used_ignored += (size_t)snprintf(ignored + used_ignored, sizeof(ignored) - used_ignored, "%s%d", used_ignored ? " " : "", number);
  }
  answer("signals.blocked", "%s", blocked);
  answer("signals.ignored", "%s", ignored);
}

static void word_net(const char *key) {
  (void)key;
  struct if_nameindex *all = if_nameindex();
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  for (struct if_nameindex *one = all; one && one->if_index; one++) {
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", one->if_name);
    ioctl(fd, SIOCGIFFLAGS, &request);
    answer("if", "%s %s", one->if_name, request.ifr_flags & IFF_UP ? "up" : "down");
  }
  close(fd);
}

/** Waits for a signal that ends it; SIGTERM does so even for pid 1, where the default disposition would ignore it. */
static void end_now(int number) {
  _exit(128 + number);
}

static void word_pause(const char *key) {
  (void)key;
  fflush(stdout);
  signal(SIGTERM, end_now);
  for (int i = 0; i < 1200; i++) usleep(100000);
}

// --- words with an argument ---

static void word_stat(const char *key, const char *path) {
  struct stat info;
  char text[512];
  if (lstat(path, &info) < 0) {
    answer(key, "!%s", strerrorname_np(errno));
    return;
  }
  describe(text, sizeof(text), &info);
  answer(key, "%s", text);
}

static void word_link(const char *key, const char *path) {
  char text[4096];
  ssize_t length = readlink(path, text, sizeof(text) - 1);
  if (length >= 0) text[length] = 0;
  answer(key, "%s%s", length < 0 ? "!" : "", length < 0 ? strerrorname_np(errno) : text);
}

static void word_read(const char *key, const char *path) {
  answer_file(key, path, false);
}

static void word_ls(const char *key, const char *path) {
  struct dirent **entries;
  int count = scandir(path, &entries, NULL, alphasort);
  if (count < 0) {
    answer(key, "!%s", strerrorname_np(errno));
    return;
  }
  char text[8192] = "";
  size_t used = 0;
  for (int i = 0; i < count && used < sizeof(text); i++)
    if (strcmp(entries[i]->d_name, ".") != 0 && strcmp(entries[i]->d_name, "..") != 0)
      used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? " " : "", entries[i]->d_name);
  answer(key, "%s", text);
}

/** open:r,/path  open:w,/path  open:rw,/path  open:x,/path (access X_OK)  open:c,/path (create). */
static void word_open(const char *key, const char *argument) {
  const char *comma = strchr(argument, ',');
  if (!comma) _exit(64);
  const char *path = comma + 1;
  if (argument[0] == 'x') {
    answer_result(key, access(path, X_OK));
    return;
  }
  int flags = argument[0] == 'c' ? O_WRONLY | O_CREAT | O_EXCL : argument[0] == 'w' ? O_WRONLY : argument[1] == 'w' ? O_RDWR : O_RDONLY;
  int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
  answer_result(key, fd);
  if (fd >= 0) close(fd);
}

/** write:/path,text */
static void word_write(const char *key, const char *argument) {
  char path[4096];
  const char *comma = strchr(argument, ',');
  if (!comma) _exit(64);
  snprintf(path, sizeof(path), "%.*s", (int)(comma - argument), argument);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) {
    answer_result(key, fd);
    return;
  }
  answer_result(key, write(fd, comma + 1, strlen(comma + 1)));
  close(fd);
}

static void word_mkdir(const char *key, const char *path) {
  // Not mkdir(2), which newer architectures have no more.
  answer_result(key, mkdirat(AT_FDCWD, path, 0777));
}

static void word_unlink(const char *key, const char *path) {
  answer_result(key, unlink(path));
}

/** mknod:c,1,3,/path */
static void word_mknod(const char *key, const char *argument) {
  unsigned number = 0, sub = 0;
  char type = 0, path[4096];
  if (sscanf(argument, "%c,%u,%u,%4095s", &type, &number, &sub, path) != 4) _exit(64);
  answer_result(key, mknod(path, (type == 'b' ? S_IFBLK : S_IFCHR) | 0600, makedev(number, sub)));
}

static void word_statfs(const char *key, const char *path) {
  struct statfs info;
  if (statfs(path, &info) < 0) {
    answer(key, "!%s", strerrorname_np(errno));
    return;
  }
  answer(key, "type=%lx bytes=%llu inodes=%llu flags=%lx", (unsigned long)info.f_type, (unsigned long long)info.f_blocks * (unsigned long long)info.f_bsize,
         (unsigned long long)info.f_files, (unsigned long)info.f_flags);
}

static void word_chdir(const char *key, const char *path) {
  answer_result(key, chdir(path));
}

static void word_echo(const char *key, const char *text) {
  (void)key;
  printf("%s\n", text);
}

static void word_err(const char *key, const char *text) {
  (void)key;
  fprintf(stderr, "%s\n", text);
}

static void word_exit(const char *key, const char *code) {
  (void)key;
  fflush(stdout);
  _exit(atoi(code));
}

static void word_sleep(const char *key, const char *ms) {
  (void)key;
  fflush(stdout);
  usleep((useconds_t)atoi(ms) * 1000);
}

static void word_die(const char *key, const char *number) {
  (void)key;
  fflush(stdout);
  signal(atoi(number), SIG_DFL);
  pid_t child = fork();
  if (child == 0) {
    // As pid 1 a process cannot kill itself with a signal that has no handler: let a fault do it where it can.
    raise(atoi(number));
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  answer("died", "%d", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

/** exit-on:15  waits for the signal, answers, and ends with 0. */
static volatile sig_atomic_t g_signal;
static void note_signal(int number) {
  g_signal = number;
}

static void word_await(const char *key, const char *number) {
  signal(atoi(number), note_signal);
  printf("awaiting=%s\n", number);
  fflush(stdout);
  for (int i = 0; i < 3000 && !g_signal; i++) usleep(10000);
  answer(key, "%d", (int)g_signal);
}

/** fork:N  how many children can be alive at once (pids limit). */
static void word_fork(const char *key, const char *argument) {
  int wanted = atoi(argument), made = 0;
  pid_t children[1024];
  for (; made < wanted && made < 1024; made++) {
    children[made] = fork();
    if (children[made] < 0) break;
    if (children[made] == 0) {
      usleep(30000000);
      _exit(0);
    }
  }
  int error = made < wanted ? errno : 0;
  answer(key, "%d%s%s", made, error ? " " : "", error ? strerrorname_np(error) : "");
  for (int i = 0; i < made; i++) {
    kill(children[i], SIGKILL);
    waitpid(children[i], NULL, 0);
  }
}

/** spawn:MS  leaves a child behind that sleeps so long. */
static void word_spawn(const char *key, const char *ms) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    usleep((useconds_t)atoi(ms) * 1000);
    _exit(0);
  }
  answer(key, "%d", child);
}

static char *touched(size_t size, int flags) {
  char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  if (memory != MAP_FAILED)
    for (size_t at = 0; at < size; at += 4096) memory[at] = 1;
  return memory;
}

/** alloc:MB  touches that much memory in a child; answers how the child ended. */
static void word_alloc(const char *key, const char *argument) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    _exit(touched((size_t)atoi(argument) << 20, 0) == MAP_FAILED);
  }
  int status = 0;
  waitpid(child, &status, 0);
  answer(key, "%s", WIFSIGNALED(status) ? "killed" : WEXITSTATUS(status) ? "refused" : "ok");
}

/** hold:MB  uses that much memory from now on. */
static void word_hold(const char *key, const char *argument) {
  answer_result(key, touched((size_t)atoi(argument) << 20, 0) == MAP_FAILED ? -1 : 0);
}

/** hugepages:N  uses that many pages of 2 MB for a moment. */
static void word_hugepages(const char *key, const char *argument) {
  size_t size = (size_t)atoi(argument) << 21;
  char *memory = touched(size, MAP_HUGETLB | 21 << MAP_HUGE_SHIFT);
  answer_result(key, memory == MAP_FAILED ? -1 : 0);
  if (memory != MAP_FAILED) munmap(memory, size);
}

static void word_notify(const char *key, const char *text) {
  const char *path = getenv("NOTIFY_SOCKET");
  if (!path) {
    answer(key, "no socket");
    return;
  }
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  answer_result(key, sendto(fd, text, strlen(text), 0, (struct sockaddr *)&address, sizeof(address)));
  close(fd);
}

/** fdread:N  what can be read from an inherited descriptor. */
static void word_fdread(const char *key, const char *number) {
  char text[256];
  ssize_t length = read(atoi(number), text, sizeof(text) - 1);
  text[length < 0 ? 0 : length] = 0;
  answer(key, "%s%s", length < 0 ? "!" : "", length < 0 ? strerrorname_np(errno) : text);
}

/** exec:/path  replaces the probe: the rest of the words go to the new program. */
static void word_exec(const char *key, const char *path) {
  fflush(stdout);
  char **rest = g_argv;
  while (*rest && strcmp(*rest, key) != 0) rest++;
  rest[0] = (char *)path;
  execv(path, rest);
  answer_result(key, -1);
}

/** mount:TYPE,/path  may the container mount? */
static void word_unshare(const char *key, const char *flags) {
  answer_result(key, unshare((int)strtol(flags, NULL, 0)));
}

/** syscall:NUMBER  a call without arguments. */
static void word_syscall(const char *key, const char *number) {
  answer_result(key, syscall(strtol(number, NULL, 0), 0, 0, 0, 0, 0, 0));
}

#ifdef __x86_64__
/** int80:NUMBER  a call of the 32-bit kind, made by a child; answers its errno, or the signal that ended the child. */
static void word_int80(const char *key, const char *number) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    long result = strtol(number, NULL, 0);
    __asm__ volatile("int $0x80" : "+a"(result) : "b"(0), "c"(0), "d"(0) : "memory");
    _exit((int)result < 0 ? (int)-result : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) {
    answer(key, "signal %d", WTERMSIG(status));
  } else {
    answer(key, "%s", WEXITSTATUS(status) ? strerrorname_np(WEXITSTATUS(status)) : "ok");
  }
}
#endif

static const struct {
  const char *name;
  void (*run)(const char *key);
} plain[] = {
    {"cwd", word_cwd},           {"args", word_args},
    {"env", word_env},           {"user", word_user},
    {"umask", word_umask},       {"caps", word_caps},
    {"prctl", word_prctl},       {"rlimits", word_rlimits},
    {"mounts", word_mounts},     {"cgroup", word_cgroup},
    {"oom", word_oom},           {"fds", word_fds},
    {"uts", word_uts},           {"ns", word_ns},
    {"ids", word_ids},           {"tty", word_tty},
    {"sched", word_sched},       {"ioprio", word_ioprio},
    {"affinity", word_affinity}, {"personality", word_personality},
    {"clock", word_clock},       {"keyring", word_keyring},
    {"signals", word_signals},   {"net", word_net},
    {"pause", word_pause},       {"mempolicy", word_mempolicy},
};

static const struct {
  const char *name;
  void (*run)(const char *key, const char *argument);
} with_argument[] = {
    {"stat", word_stat},       {"link", word_link},     {"read", word_read},   {"ls", word_ls},
    {"open", word_open},       {"write", word_write},   {"mkdir", word_mkdir}, {"unlink", word_unlink},
    {"mknod", word_mknod},     {"statfs", word_statfs}, {"chdir", word_chdir}, {"echo", word_echo},
    {"err", word_err},         {"exit", word_exit},     {"sleep", word_sleep}, {"die", word_die},
    {"await", word_await},     {"fork", word_fork},     {"spawn", word_spawn}, {"alloc", word_alloc},
    {"notify", word_notify},   {"fdread", word_fdread}, {"exec", word_exec},   {"unshare", word_unshare},
    {"syscall", word_syscall}, {"label", word_label},   {"hold", word_hold},   {"hugepages", word_hugepages},
#ifdef __x86_64__
    {"int80", word_int80},
#endif
};

static void run_word(const char *word) {
  const char *colon = strchr(word, ':');
  size_t length = colon ? (size_t)(colon - word) : strlen(word);
  if (!colon) {
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
      if (strcmp(plain[i].name, word) == 0) {
        plain[i].run(word);
        return;
      }
  } else {
    for (size_t i = 0; i < sizeof(with_argument) / sizeof(with_argument[0]); i++)
      if (strlen(with_argument[i].name) == length && strncmp(with_argument[i].name, word, length) == 0) {
        with_argument[i].run(word, colon + 1);
        return;
      }
  }
  fprintf(stderr, "probe: unknown word %s\n", word);
  fflush(stdout);
  _exit(64);
}

int main(int argc, char **argv) {
  g_argv = argv;
  for (int i = 1; i < argc; i++) {
    run_word(argv[i]);
    fflush(stdout);
  }
  return 0;
}
