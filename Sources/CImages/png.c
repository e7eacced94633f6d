#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "internal.h"

// What has to be released after a jump lives in the caller's frame: locals changed after setjmp would be indeterminate.
typedef struct {
  png_structp png;
  png_infop info;
  ci_image *image;
  png_bytep *rows;
  const uint8_t *bytes;
  size_t left;
  ci_error *error;
} decoder;

static void raise_error(png_structp png, png_const_charp message) {
  ci_fail(png_get_error_ptr(png), "%s", message);
  png_longjmp(png, 1);
}

static void stay_quiet(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void read_bytes(png_structp png, png_bytep to, size_t count) {
  decoder *d = png_get_io_ptr(png);
  if (count > d->left) png_error(png, "it ends too early");
  memcpy(to, d->bytes, count);
  d->bytes += count;
  d->left -= count;
}

static bool decode(decoder *d, int64_t max_pixels) {
  if (setjmp(png_jmpbuf(d->png))) return false;
  png_set_read_fn(d->png, d, read_bytes);
  // No colour chunk may change the values, as in PIL; a palette, few bits or alpha become plain grey or RGB.
  png_set_user_limits(d->png, 0x7fffffff, 0x7fffffff);
  png_read_info(d->png, d->info);
  int colours = png_get_color_type(d->png, d->info);
  bool grey = !(colours & PNG_COLOR_MASK_COLOR);
  d->image = ci_new(png_get_image_width(d->png, d->info), png_get_image_height(d->png, d->info), grey ? 1 : 3,
                    max_pixels, d->error);
  if (!d->image) return false;
  png_set_strip_16(d->png);
  if (colours == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(d->png);
  if (grey && png_get_bit_depth(d->png, d->info) < 8) png_set_expand_gray_1_2_4_to_8(d->png);
  png_set_strip_alpha(d->png);
  png_set_interlace_handling(d->png);
  png_read_update_info(d->png, d->info);
  size_t stride = (size_t)d->image->width * (size_t)d->image->channels;
  if (png_get_rowbytes(d->png, d->info) != stride) png_error(d->png, "its rows have an unexpected length");
  d->rows = malloc((size_t)d->image->height * sizeof *d->rows);
  if (!d->rows) png_error(d->png, "there is no memory for its rows");
  for (int32_t y = 0; y < d->image->height; y++) d->rows[y] = d->image->pixels + (size_t)y * stride;
  png_read_image(d->png, d->rows);
  png_read_end(d->png, NULL);
  return true;
}

ci_image *ci_decode_png(const uint8_t *bytes, size_t length, int64_t max_pixels, ci_error *error) {
  decoder d = {.bytes = bytes, .left = length, .error = error};
  d.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, error, raise_error, stay_quiet);
  d.info = d.png ? png_create_info_struct(d.png) : NULL;
  bool done = false;
  if (d.info)
    done = decode(&d, max_pixels);
  else
    ci_fail(error, "libpng could not be started");
  if (d.png) png_destroy_read_struct(&d.png, d.info ? &d.info : NULL, NULL);
  free(d.rows);
  if (done) return d.image;
  ci_free(d.image);
  return NULL;
}

uint8_t *ci_encode_png(const uint8_t *pixels, int32_t width, int32_t height, int32_t channels, size_t *length,
                       ci_error *error) {
  png_image image = {.version = PNG_IMAGE_VERSION, .width = (png_uint_32)width, .height = (png_uint_32)height};
  image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = 0;
  if (!png_image_write_to_memory(&image, NULL, &size, 0, pixels, 0, NULL)) {
    ci_fail(error, "%s", image.message);
    return NULL;
  }
  uint8_t *bytes = malloc(size);
  if (bytes && png_image_write_to_memory(&image, bytes, &size, 0, pixels, 0, NULL)) {
    *length = size;
    return bytes;
  }
  ci_fail(error, "%s", bytes ? image.message : "there is no memory for the file");
  free(bytes);
  return NULL;
}
