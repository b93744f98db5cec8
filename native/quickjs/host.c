// main() of the released tool: QuickJS with our bytecode, the shim's calls as functions, and nothing else. There is no file
// loader, no eval and no environment that the engine reads: what runs is what was linked in.
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../gen/sys.gen.h"
#include "../shim/shim.h"
#include "blobs.h"
#include <quickjs.h>

enum { MAX_ARGUMENTS = 8, EXIT_BUG = 70, GC_NEVER = -1, HEAP_BYTES = 1 << 20 };

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

/// Bytecode -> what the script evaluates to.
static JSValue run_blob(JSContext *context, const struct blob *blob) {
  JSValue code = JS_ReadObject(context, blob->start, (size_t)(blob->end - blob->start), JS_READ_OBJ_BYTECODE);
  return JS_IsException(code) ? code : JS_EvalFunction(context, code);
}

/// Modules of the main script that chunks use as well (scripts/build.ts).
static JSValue shared;

/// A chunk evaluates to a function of the shared modules, which returns its exports.
static JSValue load_chunk(JSContext *context, JSValueConst self, int count, JSValueConst *values) {
  (void)self;
  (void)count;
  const char *name = JS_ToCString(context, values[0]);
  if (!name) return JS_EXCEPTION;
  const struct blob *blob = blobs;
  while (blob->name && strcmp(blob->name, name) != 0) blob++;
  JSValue chunk = blob->name ? run_blob(context, blob) : JS_ThrowReferenceError(context, "no chunk \"%s\"", name);
  JS_FreeCString(context, name);
  return JS_IsException(chunk) ? chunk : JS_Call(context, chunk, JS_UNDEFINED, 1, &shared);
}

static void print_exception(JSContext *context) {
  JSValue exception = JS_GetException(context);
  const char *message = JS_ToCString(context, exception);
  JSValue stack = JS_GetPropertyStr(context, exception, "stack");
  const char *trace = JS_IsString(stack) ? JS_ToCString(context, stack) : NULL;
  dprintf(STDERR_FILENO, "tsrun: internal error: %s\n%s", message ? message : "out of memory", trace ? trace : "");
}

static JSContext *new_context(void) {
  JSRuntime *runtime = JS_NewRuntime();
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

/// The object that the entry script is called with: sys, loadChunk and argv.
static JSValue new_host(JSContext *context, int argc, char **argv) {
  JSValue host = JS_NewObject(context), sys = JS_NewObject(context), arguments = JS_NewArray(context);
  JS_SetPropertyFunctionList(context, sys, sys_functions, sizeof sys_functions / sizeof *sys_functions);
  for (int i = 1; i < argc; i++) JS_SetPropertyUint32(context, arguments, (uint32_t)(i - 1), JS_NewString(context, argv[i]));
  JS_SetPropertyStr(context, host, "sys", sys);
  JS_SetPropertyStr(context, host, "argv", arguments);
  JS_SetPropertyStr(context, host, "loadChunk", JS_NewCFunction(context, load_chunk, "loadChunk", 1));
  return host;
}

int main(int argc, char **argv) {
  // One brk(2) for all of a usual command's memory, not one every 128 KiB.
  mallopt(M_TOP_PAD, HEAP_BYTES);
  JSContext *context = new_context();
  if (!context) _exit(EXIT_BUG);
  // The first blob is the entry (src/host-quickjs/main.ts).
  JSValue entry = run_blob(context, &blobs[0]);
  JSValue result = entry;
  if (!JS_IsException(entry)) {
    shared = JS_GetPropertyStr(context, entry, "shared");
    JSValue host = new_host(context, argc, argv);
    JSValue run = JS_GetPropertyStr(context, entry, "run");
    result = JS_Call(context, run, JS_UNDEFINED, 1, &host);
  }
  int32_t code = EXIT_BUG;
  if (JS_IsException(result) || JS_ToInt32(context, &code, result)) print_exception(context);
  _exit(code);
}
