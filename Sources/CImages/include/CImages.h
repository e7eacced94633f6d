// Decodes JPEG, PNG, WebP, TIFF, BMP, GIF and PNM from memory and encodes PNG. Errors of libjpeg and libpng, which
// jump, never leave this target.
#ifndef CIMAGES_H
#define CIMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __clang__
#pragma clang assume_nonnull begin
#endif

// Eight-bit pixels, rows without gaps, channels interleaved. Whoever receives one frees it with ci_free.
typedef struct {
  uint8_t *pixels;
  int32_t width;
  int32_t height;
  int32_t channels;
} ci_image;

// Why a call failed, in the library's own words.
typedef struct {
  char text[240];
} ci_error;

// The formats that are read.
typedef enum {
  CI_NO_IMAGE,
  CI_JPEG,
  CI_PNG,
  CI_WEBP,
  CI_TIFF,
  CI_BMP,
  CI_GIF,
  CI_PNM,
} ci_format;

// The format of a file, told from its first bytes, of which 32 suffice.
ci_format ci_format_of(const uint8_t *bytes, size_t length);

// Decodes an image to `channels` (1: grey, 3: RGB). Alpha is dropped and EXIF ignored, as PIL's convert does; a TIFF's
// own orientation is followed, as PIL does. Of several frames or pages the first is read; 16 bits become the upper 8.
// Returns NULL and fills `error` when the file is damaged, truncated, of another kind or has more than `max_pixels`.
ci_image *_Nullable ci_decode(const uint8_t *bytes, size_t length, int32_t channels, int64_t max_pixels,
                              ci_error *error);

// Encodes grey (1 channel) or RGB (3 channels) pixels as PNG; *length receives the bytes. NULL on failure.
// The caller releases the result with free().
uint8_t *_Nullable ci_encode_png(const uint8_t *pixels, int32_t width, int32_t height, int32_t channels, size_t *length,
                                 ci_error *error);

void ci_free(ci_image *_Nullable image);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif
#endif
