#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jerror.h>
#include <jpeglib.h>

#include "internal.h"

// A progressive file may hold thousands of scans of the whole image: a small file that takes minutes to decode.
enum { MAX_SCANS = 500 };

typedef struct {
  struct jpeg_error_mgr manager;
  jmp_buf jump;
  ci_error *error;
} jpeg_errors;

static void raise_error(j_common_ptr info) {
  jpeg_errors *errors = (jpeg_errors *)info->err;
  char message[JMSG_LENGTH_MAX];
  info->err->format_message(info, message);
  ci_fail(errors->error, "%s", message);
  longjmp(errors->jump, 1);
}

// libjpeg only warns of missing or damaged data and paints the rest grey; a training set should not hold such images.
static void raise_damage(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC: raise_error(info);
    default: return;
  }
}

static void stay_quiet(j_common_ptr info) { (void)info; }

static void limit_scans(j_common_ptr info) {
  if (!info->is_decompressor || ((j_decompress_ptr)info)->input_scan_number <= MAX_SCANS) return;
  jpeg_errors *errors = (jpeg_errors *)info->err;
  ci_fail(errors->error, "it has more than %d scans", MAX_SCANS);
  longjmp(errors->jump, 1);
}

// In place, four bytes to three. Adobe's files hold the inks inverted; the arithmetic is that of PIL's convert("RGB").
static void rgb_from_cmyk(const uint8_t *cmyk, uint8_t *rgb, int32_t width, bool inverted) {
  for (int32_t x = 0; x < width; x++, cmyk += 4, rgb += 3) {
    int key = inverted ? cmyk[3] : 255 - cmyk[3];
    for (int c = 0; c < 3; c++) {
      int ink = (inverted ? 255 - cmyk[c] : cmyk[c]) * key + 128;
      int value = key - ((ink + (ink >> 8)) >> 8);
      rgb[c] = (uint8_t)(value < 0 ? 0 : value);
    }
  }
}

// What has to be released after a jump lives in the caller's frame: locals changed after setjmp would be indeterminate.
typedef struct {
  struct jpeg_decompress_struct info;
  struct jpeg_progress_mgr progress;
  jpeg_errors errors;
  ci_image *image;
  uint8_t *row;
} decoder;

static bool decode(decoder *d, const uint8_t *bytes, size_t length, int64_t max_pixels) {
  if (setjmp(d->errors.jump)) return false;
  jpeg_create_decompress(&d->info);
  d->progress.progress_monitor = limit_scans;
  d->info.progress = &d->progress;
  jpeg_mem_src(&d->info, (unsigned char *)bytes, (unsigned long)length);
  jpeg_read_header(&d->info, TRUE);
  bool grey = d->info.jpeg_color_space == JCS_GRAYSCALE;
  bool cmyk = d->info.jpeg_color_space == JCS_CMYK || d->info.jpeg_color_space == JCS_YCCK;
  d->info.out_color_space = grey ? JCS_GRAYSCALE : cmyk ? JCS_CMYK : JCS_RGB;
  int32_t channels = grey ? 1 : 3;
  d->image = ci_new(d->info.image_width, d->info.image_height, channels, max_pixels, d->errors.error);
  if (!d->image) return false;
  jpeg_start_decompress(&d->info);
  if (cmyk && !(d->row = malloc((size_t)d->image->width * 4))) {
    ci_fail(d->errors.error, "there is no memory for a row");
    return false;
  }
  while (d->info.output_scanline < d->info.output_height) {
    uint8_t *pixels = d->image->pixels + (size_t)d->info.output_scanline * (size_t)d->image->width * (size_t)channels;
    JSAMPROW row = cmyk ? d->row : pixels;
    jpeg_read_scanlines(&d->info, &row, 1);
    if (cmyk) rgb_from_cmyk(d->row, pixels, d->image->width, d->info.saw_Adobe_marker);
  }
  jpeg_finish_decompress(&d->info);
  return true;
}

ci_image *ci_decode_jpeg(const uint8_t *bytes, size_t length, int64_t max_pixels, ci_error *error) {
  decoder d = {.errors.error = error};
  d.info.err = jpeg_std_error(&d.errors.manager);
  d.errors.manager.error_exit = raise_error;
  d.errors.manager.emit_message = raise_damage;
  d.errors.manager.output_message = stay_quiet;
  bool done = decode(&d, bytes, length, max_pixels);
  jpeg_destroy_decompress(&d.info);
  free(d.row);
  if (done) return d.image;
  ci_free(d.image);
  return NULL;
}
