#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

void ci_fail(ci_error *error, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->text, sizeof error->text, format, arguments);
  va_end(arguments);
}

ci_image *ci_new(int64_t width, int64_t height, int32_t channels, int64_t max_pixels, ci_error *error) {
  if (width <= 0 || height <= 0 || width > INT32_MAX || height > INT32_MAX) {
    ci_fail(error, "it says it is %lld x %lld pixels", (long long)width, (long long)height);
    return NULL;
  }
  if (height > max_pixels / width) {
    ci_fail(error, "it says it is %lld x %lld pixels, more than the %lld million allowed", (long long)width,
            (long long)height, (long long)(max_pixels / 1000000));
    return NULL;
  }
  ci_image *image = malloc(sizeof *image);
  uint8_t *pixels = malloc((size_t)width * (size_t)height * (size_t)channels);
  if (!image || !pixels) {
    free(image);
    free(pixels);
    ci_fail(error, "there is no memory for %lld x %lld pixels", (long long)width, (long long)height);
    return NULL;
  }
  *image = (ci_image){pixels, (int32_t)width, (int32_t)height, channels};
  return image;
}

ci_image *ci_with_channels(ci_image *image, int32_t channels, ci_error *error) {
  if (!image || image->channels == channels) return image;
  ci_image *result = ci_new(image->width, image->height, channels, INT64_MAX, error);
  if (!result) {
    ci_free(image);
    return NULL;
  }
  size_t count = (size_t)image->width * (size_t)image->height;
  const uint8_t *from = image->pixels;
  uint8_t *to = result->pixels;
  if (channels == 1) {
    // ITU-R 601-2 luma in PIL's fixed point, so that a grey network sees what it would see in Python.
    for (size_t i = 0; i < count; i++, from += 3)
      to[i] = (uint8_t)((from[0] * 19595u + from[1] * 38470u + from[2] * 7471u + 0x8000u) >> 16);
  } else {
    for (size_t i = 0; i < count; i++, to += 3) to[0] = to[1] = to[2] = from[i];
  }
  ci_free(image);
  return result;
}

ci_image *ci_decode(const uint8_t *bytes, size_t length, int32_t channels, int64_t max_pixels, ci_error *error) {
  static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  error->text[0] = 0;
  if (length == 0) {
    ci_fail(error, "it is empty");
    return NULL;
  }
  if (length >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff)
    return ci_with_channels(ci_decode_jpeg(bytes, length, max_pixels, error), channels, error);
  if (length >= sizeof png && memcmp(bytes, png, sizeof png) == 0)
    return ci_with_channels(ci_decode_png(bytes, length, max_pixels, error), channels, error);
  ci_fail(error, "it is neither JPEG nor PNG");
  return NULL;
}

void ci_free(ci_image *image) {
  if (!image) return;
  free(image->pixels);
  free(image);
}
