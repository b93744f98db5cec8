// Zstandard streams: libzstd's, by number, per thread.
#include "image.h"

#include <errno.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { STREAMS = 64 };
static _Thread_local ZSTD_DStream *streams[STREAMS];

int64_t tsi_zstd_open(void) {
  for (int i = 0; i < STREAMS; i++) {
    if (streams[i] != NULL) continue;
    streams[i] = ZSTD_createDStream();
    return streams[i] == NULL ? -ENOMEM : i;
  }
  return -EMFILE;
}

// ZSTD_decompressStream begins the next frame by itself.
int64_t tsi_zstd_read(int64_t stream, const uint8_t *data, size_t length, int64_t from) {
  if (stream < 0 || stream >= STREAMS || streams[stream] == NULL || from < 0 || (size_t)from > length) return -EINVAL;
  size_t room = ZSTD_DStreamOutSize() * 2;
  uint8_t *result = image_result(room);
  if (result == NULL) return -ENOMEM;
  ZSTD_inBuffer in = {.src = data, .size = length, .pos = (size_t)from};
  ZSTD_outBuffer out = {.dst = result, .size = room, .pos = 0};
  size_t rest = 0;
  do {
    rest = ZSTD_decompressStream(streams[stream], &out, &in);
    if (ZSTD_isError(rest)) return ZSTD_getErrorCode(rest) == ZSTD_error_frameParameter_windowTooLarge ? -EFBIG : -EBADMSG;
  } while (in.pos < in.size && out.pos < out.size);
  image_set_out(0, (int64_t)in.pos - from);
  image_set_out(1, rest != 0);
  image_set_out(2, out.pos == out.size);
  return (int64_t)out.pos;
}

int64_t tsi_zstd_close(int64_t stream) {
  if (stream < 0 || stream >= STREAMS || streams[stream] == NULL) return -EINVAL;
  ZSTD_freeDStream(streams[stream]);
  streams[stream] = NULL;
  return 0;
}
