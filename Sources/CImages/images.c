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

static bool begins(const uint8_t *bytes, size_t length, const char *with, size_t count) {
  return length >= count && memcmp(bytes, with, count) == 0;
}

// "BM" begins many a text too: a bitmap's header has one of few sizes.
static bool is_bmp(const uint8_t *bytes, size_t length) {
  if (!begins(bytes, length, "BM", 2) || length < 18) return false;
  uint32_t size = bytes[14] | (uint32_t)bytes[15] << 8 | (uint32_t)bytes[16] << 16 | (uint32_t)bytes[17] << 24;
  return size == 12 || (size >= 40 && size <= 124);
}

// P1 to P6, white space, and a number or a comment.
static bool is_pnm(const uint8_t *bytes, size_t length) {
  if (length < 4 || bytes[0] != 'P' || bytes[1] < '1' || bytes[1] > '6') return false;
  size_t i = 2;
  while (i < length && (bytes[i] == ' ' || (bytes[i] >= '\t' && bytes[i] <= '\r'))) i++;
  return i > 2 && i < length && (bytes[i] == '#' || (bytes[i] >= '0' && bytes[i] <= '9'));
}

ci_format ci_format_of(const uint8_t *bytes, size_t length) {
  if (begins(bytes, length, "\xff\xd8\xff", 3)) return CI_JPEG;
  if (begins(bytes, length, "\x89PNG\r\n\x1a\n", 8)) return CI_PNG;
  if (begins(bytes, length, "RIFF", 4) && length >= 12 && memcmp(bytes + 8, "WEBP", 4) == 0) return CI_WEBP;
  // Classic and large files in either order of bytes.
  if (begins(bytes, length, "II*\0", 4) || begins(bytes, length, "MM\0*", 4)) return CI_TIFF;
  if (begins(bytes, length, "II+\0", 4) || begins(bytes, length, "MM\0+", 4)) return CI_TIFF;
  if (begins(bytes, length, "GIF87a", 6) || begins(bytes, length, "GIF89a", 6)) return CI_GIF;
  if (is_bmp(bytes, length)) return CI_BMP;
  return is_pnm(bytes, length) ? CI_PNM : CI_NO_IMAGE;
}

// What a file is that is none of the formats, where people often meet it.
static void name_other(const uint8_t *bytes, size_t length, ci_error *error) {
  const char *found = NULL;
  if (length >= 12 && memcmp(bytes + 4, "ftyp", 4) == 0)
    found = memcmp(bytes + 8, "avi", 3) == 0 ? "AVIF" : "HEIF or a video";
  if (begins(bytes, length, "\xff\x0a", 2) || begins(bytes, length, "\0\0\0\x0cJXL ", 8)) found = "JPEG XL";
  if (begins(bytes, length, "\0\0\0\x0cjP  ", 8)) found = "JPEG 2000";
  if (begins(bytes, length, "8BPS", 4)) found = "a Photoshop document";
  if (begins(bytes, length, "version https://git-lfs", 23)) found = "a pointer of Git LFS, whose file was not fetched";
  if (begins(bytes, length, "<", 1)) found = "a page of HTML or XML";
  if (found)
    ci_fail(error, "it is %s, not JPEG, PNG, WebP, TIFF, BMP, GIF or PNM", found);
  else
    ci_fail(error, "it is none of JPEG, PNG, WebP, TIFF, BMP, GIF and PNM");
}

static ci_image *decode(const uint8_t *bytes, size_t length, int64_t max_pixels, ci_error *error) {
  switch (ci_format_of(bytes, length)) {
    case CI_JPEG: return ci_decode_jpeg(bytes, length, max_pixels, error);
    case CI_PNG: return ci_decode_png(bytes, length, max_pixels, error);
    case CI_WEBP: return ci_decode_webp(bytes, length, max_pixels, error);
    case CI_TIFF: return ci_decode_tiff(bytes, length, max_pixels, error);
    case CI_BMP: return ci_decode_bmp(bytes, length, max_pixels, error);
    case CI_GIF: return ci_decode_gif(bytes, length, max_pixels, error);
    case CI_PNM: return ci_decode_pnm(bytes, length, max_pixels, error);
    case CI_NO_IMAGE: name_other(bytes, length, error);
  }
  return NULL;
}

ci_image *ci_decode(const uint8_t *bytes, size_t length, int32_t channels, int64_t max_pixels, ci_error *error) {
  error->text[0] = 0;
  if (length == 0) {
    ci_fail(error, "it is empty");
    return NULL;
  }
  return ci_with_channels(decode(bytes, length, max_pixels, error), channels, error);
}

void ci_free(ci_image *image) {
  if (!image) return;
  free(image->pixels);
  free(image);
}
