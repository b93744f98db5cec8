// Build tool: JavaScript files -> QuickJS bytecode. Only the library is built, not qjsc.
//   compile IN.js OUT.bin [IN.js OUT.bin ...]
#include <stdio.h>
#include <stdlib.h>

#include <quickjs.h>

static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  char *text = malloc(*size + 1);
  if (text && fread(text, 1, *size, file) != *size) text = NULL;
  if (text) text[*size] = 0;
  fclose(file);
  return text;
}

static int write_file(const char *path, const uint8_t *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  if (!file) return -1;
  int good = fwrite(bytes, 1, size, file) == size;
  return fclose(file) == 0 && good ? 0 : -1;
}

static int compile(const char *from, const char *to) {
  JSRuntime *runtime = JS_NewRuntime();
  // Line numbers of minified code help nobody; stack traces come from Bun.
  JS_SetStripInfo(runtime, JS_STRIP_DEBUG);
  JSContext *context = JS_NewContext(runtime);
  size_t size, length;
  char *text = read_file(from, &size);
  if (!text) return fprintf(stderr, "compile: cannot read %s\n", from), 1;
  JSValue code = JS_Eval(context, text, size, from, JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_STRICT | JS_EVAL_FLAG_COMPILE_ONLY);
  if (JS_IsException(code)) {
    JSValue exception = JS_GetException(context);
    return fprintf(stderr, "compile: %s: %s\n", from, JS_ToCString(context, exception)), 1;
  }
  uint8_t *bytes = JS_WriteObject(context, &length, code, JS_WRITE_OBJ_BYTECODE);
  if (!bytes || write_file(to, bytes, length)) return fprintf(stderr, "compile: cannot write %s\n", to), 1;
  return 0;
}

int main(int argc, char **argv) {
  for (int i = 1; i + 1 < argc; i += 2)
    if (compile(argv[i], argv[i + 1])) return 1;
  return 0;
}
