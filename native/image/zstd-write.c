// Zstandard compression: libzstd's streams, by number, per thread.
#include "image.h"

#include <errno.h>
#include <zstd.h>

enum { STREAMS = 8 };
static _Thread_local ZSTD_CStream *streams[STREAMS];

int64_t tsi_zstd_compress_open(int64_t level) {
  for (int i = 0; i < STREAMS; i++) {
    if (streams[i] != NULL) continue;
    ZSTD_CStream *stream = ZSTD_createCStream();
    if (stream == NULL) return -ENOMEM;
    if (ZSTD_isError(ZSTD_CCtx_setParameter(stream, ZSTD_c_compressionLevel, (int)level)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(stream, ZSTD_c_checksumFlag, 1))) {
      ZSTD_freeCStream(stream);
      return -EINVAL;
    }
    streams[i] = stream;
    return i;
  }
  return -EMFILE;
}

int64_t tsi_zstd_compress(int64_t stream, const uint8_t *data, size_t length, int64_t is_end) {
  if (stream < 0 || stream >= STREAMS || streams[stream] == NULL) return -EINVAL;
  ZSTD_inBuffer in = {.src = data, .size = length, .pos = 0};
  ZSTD_outBuffer out = {0};
  size_t rest = 0;
  do {
    out.size = out.pos + ZSTD_CStreamOutSize();
    out.dst = image_result(out.size);
    if (out.dst == NULL) return -ENOMEM;
    rest = ZSTD_compressStream2(streams[stream], &out, &in, is_end ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(rest)) return -EIO;
  } while (in.pos < in.size || (is_end && rest > 0));
  return (int64_t)out.pos;
}

int64_t tsi_zstd_compress_close(int64_t stream) {
  if (stream < 0 || stream >= STREAMS || streams[stream] == NULL) return -EINVAL;
  ZSTD_freeCStream(streams[stream]);
  streams[stream] = NULL;
  return 0;
}
