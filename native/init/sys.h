// Raw system calls of tsrun-init: it has no libc. Every wrapper returns the kernel's result, -errno on failure.
#ifndef TSRUN_INIT_SYS_H
#define TSRUN_INIT_SYS_H

#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"

#if defined(__x86_64__)
static inline long sys6(long n, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(result) : "0"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
static inline long sys6(long n, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = n;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}
#else
#error "tsrun-init has no system call stub for this architecture"
#endif

/// SYS(openat, directory, path, flags): up to six arguments, the missing ones are 0.
#define SYS(name, ...) SYS_SIX(__NR_##name, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define SYS_SIX(n, a, b, c, d, e, f, ...) SYS_CALL(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#ifdef TSRUN_FAULT
#define SYS_CALL fault_call
#else
#define SYS_CALL sys6
#endif

// The compiler may call these by itself.
void *memset(void *to, int value, size_t size);
void *memcpy(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);

static inline int str_eq(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

static inline int str_starts(const char *text, const char *start) {
  while (*start)
    if (*text++ != *start++) return 0;
  return 1;
}

static inline void sys_close(long fd) {
  if (fd >= 0) SYS(close, fd);
}

#endif
