// main() of the released tool: QuickJS with the shim's calls as functions, and nothing else. There is no eval and no environment
// that the engine reads: what runs is what was linked in.
//
// The build runs this executable once, to evaluate the bytecode of the TypeScript and to write the heap that this leaves
// (write_snapshot). It then puts these bytes into the executable's section ".snapshot", and from then on main() finds the context,
// all modules and their functions in memory as they were: a start reads no bytecode and makes no object but argv's.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../gen/sys.gen.h"
#include "../shim/shim.h"
#include "heap.h"
#include <quickjs.h>

enum { MAX_ARGUMENTS = 8, EXIT_BUG = 70, GC_NEVER = -1 };

struct sys_argument {
  int64_t number;
  const char *text;
  size_t length;
};

struct sys_row {
  int64_t (*call)(const struct sys_argument *);
  /// n = number, s = string without NUL, b = bytes of a string.
  const char *kinds;
  bool is_text;
};

static JSValue sys_invoke(JSContext *context, JSValueConst self, int count, JSValueConst *values, int row);

#include "../gen/sys-quickjs.gen.h"

static int to_argument(JSContext *context, char kind, JSValueConst value, struct sys_argument *argument) {
  if (kind == 'n') return JS_ToInt64(context, &argument->number, value);
  argument->text = JS_ToCStringLen(context, &argument->length, value);
  return argument->text ? 0 : -1;
}

/// One call of the shim: arguments from JavaScript by the row's kinds, a number or a text back.
static JSValue sys_invoke(JSContext *context, JSValueConst self, int count, JSValueConst *values, int row) {
  (void)self;
  (void)count;
  const struct sys_row *entry = &sys_rows[row];
  struct sys_argument arguments[MAX_ARGUMENTS] = {0};
  bool good = true, fits = true;
  for (int i = 0; entry->kinds[i] && good; i++) {
    good = to_argument(context, entry->kinds[i], values[i], &arguments[i]) == 0;
    // A path that ends early in C would not be the path that was checked.
    if (good && entry->kinds[i] == 's' && memchr(arguments[i].text, 0, arguments[i].length)) fits = false;
  }
  int64_t result = good && fits ? entry->call(arguments) : -EINVAL;
  for (int i = 0; entry->kinds[i]; i++)
    if (arguments[i].text) JS_FreeCString(context, arguments[i].text);
  if (!good) return JS_EXCEPTION;
  if (entry->is_text && result >= 0) return JS_NewStringLen(context, tsr_text(), (size_t)result);
  return JS_NewInt64(context, result);
}

static void print_exception(JSContext *context) {
  JSValue exception = JS_GetException(context);
  const char *message = JS_ToCString(context, exception);
  JSValue stack = JS_GetPropertyStr(context, exception, "stack");
  const char *trace = JS_IsString(stack) ? JS_ToCString(context, stack) : NULL;
  dprintf(STDERR_FILENO, "tsrun: internal error: %s\n%s", message ? message : "out of memory", trace ? trace : "");
}

static JSContext *new_context(void) {
  JSRuntime *runtime = JS_NewRuntime2(&heap_functions, NULL);
  if (!runtime) return NULL;
  // A command lives for milliseconds: the kernel frees its memory at the end.
  JS_SetGCThreshold(runtime, (size_t)GC_NEVER);
  JSContext *context = JS_NewContextRaw(runtime);
  if (!context) return NULL;
  // Only what the core uses: a context with everything takes longer to make.
  JS_AddIntrinsicBaseObjects(context);
  JS_AddIntrinsicRegExp(context);
  JS_AddIntrinsicJSON(context);
  JS_AddIntrinsicMapSet(context);
  return context;
}

/// All of a file, from libc's heap; NULL with errno set.
static uint8_t *read_file(const char *path, size_t *size) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (file < 0 || fstat(file, &status)) return NULL;
  *size = (size_t)status.st_size;
  uint8_t *bytes = malloc(*size);
  ssize_t length = bytes ? read(file, bytes, *size) : -1;
  close(file);
  return length == (ssize_t)*size ? bytes : NULL;
}

/// Bytecode -> the function that it evaluates to, and this called with the port to the system -> the tool's entry.
static JSValue evaluate(JSContext *context, const uint8_t *bytes, size_t size) {
  JSValue code = JS_ReadObject(context, bytes, size, JS_READ_OBJ_BYTECODE);
  if (JS_IsException(code)) return code;
  JSValue install = JS_EvalFunction(context, code);
  if (JS_IsException(install)) return install;
  JSValue sys = JS_NewObject(context);
  JS_SetPropertyFunctionList(context, sys, sys_functions, sizeof sys_functions / sizeof *sys_functions);
  return JS_Call(context, install, JS_UNDEFINED, 1, &sys);
}

/// At build time: tsrun BYTECODE > HEAP
static int write_snapshot(const char *bytecode) {
  size_t size;
  uint8_t *bytes = read_file(bytecode, &size);
  if (!bytes) return perror(bytecode), EXIT_BUG;
  JSContext *context = new_context();
  if (!context) return EXIT_BUG;
  JSValue entry = evaluate(context, bytes, size);
  if (JS_IsException(entry)) return print_exception(context), EXIT_BUG;
  snapshot.entry = entry;
  snapshot.context = context;
  heap_forget_free();
  return write(STDOUT_FILENO, &snapshot, snapshot.used) == (ssize_t)snapshot.used ? 0 : EXIT_BUG;
}

static JSValue to_array(JSContext *context, int count, char **texts) {
  JSValue array = JS_NewArray(context);
  for (int i = 0; i < count; i++) JS_SetPropertyUint32(context, array, (uint32_t)i, JS_NewString(context, texts[i]));
  return array;
}

/// A standard stream that the caller has closed would be the number of the next file: of a state file that an error is written to, of
/// a socket that becomes the program's input. The null device takes its place.
static bool open_streams(void) {
  struct pollfd streams[3] = {{.fd = 0}, {.fd = 1}, {.fd = 2}};
  if (poll(streams, 3, 0) < 0) return false;
  // In their order: the lowest free number is the one that is missing.
  for (int fd = 0; fd < 3; fd++)
    if ((streams[fd].revents & POLLNVAL) && open("/dev/null", O_RDWR) != fd) return false;
  return true;
}

int main(int argc, char **argv) {
  if (!open_streams()) return EXIT_BUG;
  if (!snapshot.context) return argc == 2 ? write_snapshot(argv[1]) : EXIT_BUG;
  JSContext *context = snapshot.context;
  // The runtime remembers the stack of the build.
  JS_UpdateStackTop(JS_GetRuntime(context));
  JSValue arguments = to_array(context, argc - 1, argv + 1);
  JSValue result = JS_Call(context, snapshot.entry, JS_UNDEFINED, 1, &arguments);
  int32_t code = EXIT_BUG;
  if (JS_IsException(result) || JS_ToInt32(context, &code, result)) print_exception(context);
  _exit(code);
}
