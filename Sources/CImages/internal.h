#ifndef CIMAGES_INTERNAL_H
#define CIMAGES_INTERNAL_H

#include "CImages.h"

ci_image *ci_decode_jpeg(const uint8_t *bytes, size_t length, int64_t max_pixels, ci_error *error);
ci_image *ci_decode_png(const uint8_t *bytes, size_t length, int64_t max_pixels, ci_error *error);
ci_image *ci_decode_webp(const uint8_t *bytes, size_t length, int64_t max_pixels, ci_error *error);
ci_image *ci_decode_tiff(const uint8_t *bytes, size_t length, int64_t max_pixels, ci_error *error);
ci_image *ci_decode_bmp(const uint8_t *bytes, size_t length, int64_t max_pixels, ci_error *error);
ci_image *ci_decode_gif(const uint8_t *bytes, size_t length, int64_t max_pixels, ci_error *error);
ci_image *ci_decode_pnm(const uint8_t *bytes, size_t length, int64_t max_pixels, ci_error *error);

// An image whose pixels are not yet set; NULL when it is empty, too large or memory is short.
ci_image *ci_new(int64_t width, int64_t height, int32_t channels, int64_t max_pixels, ci_error *error);

// Replaces grey by RGB or RGB by grey where `channels` asks for it; consumes `image`.
ci_image *ci_with_channels(ci_image *image, int32_t channels, ci_error *error);

void ci_fail(ci_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
