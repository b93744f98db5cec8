// The addon's frame: JavaScript values to C arguments and back. The wrappers, one per row of src/image/native-table.ts, are generated.
#include <errno.h>
#include <limits.h>
#include <node_api.h>
#include <stdbool.h>
#include <string.h>

#include "image.h"

struct bytes_argument {
  uint8_t *data;
  size_t length;
};

static bool read_number(napi_env env, napi_value value, int64_t *number) {
  return napi_get_value_int64(env, value, number) == napi_ok;
}

// One byte per character. 0, or what is wrong.
static int64_t read_raw(napi_env env, napi_value value, char text[PATH_MAX]) {
  size_t length;
  if (napi_get_value_string_latin1(env, value, NULL, 0, &length) != napi_ok) return -EINVAL;
  if (length >= PATH_MAX) return -ENAMETOOLONG;
  if (napi_get_value_string_latin1(env, value, text, PATH_MAX, &length) != napi_ok) return -EINVAL;
  return strlen(text) == length ? 0 : -EINVAL;
}

static bool read_bytes(napi_env env, napi_value value, struct bytes_argument *bytes) {
  napi_typedarray_type type;
  void *data;
  if (napi_get_typedarray_info(env, value, &type, &bytes->length, &data, NULL, NULL) != napi_ok || type != napi_uint8_array) return false;
  bytes->data = data;
  return true;
}

static napi_value number_of(napi_env env, int64_t number) {
  napi_value value;
  return napi_create_int64(env, number, &value) == napi_ok ? value : NULL;
}

static napi_value bytes_of(napi_env env, int64_t length) {
  napi_value value;
  if (length < 0) return number_of(env, length);
  return napi_create_buffer_copy(env, (size_t)length, image_result_bytes(), NULL, &value) == napi_ok ? value : NULL;
}

#include "../gen/image-napi.gen.h"

NAPI_MODULE_INIT() {
  return napi_define_properties(env, exports, sizeof properties / sizeof *properties, properties) == napi_ok ? exports : NULL;
}
