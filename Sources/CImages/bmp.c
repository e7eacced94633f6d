// Windows and OS/2 bitmaps; no library reads these alone.
// Source: https://learn.microsoft.com/windows/win32/gdi/bitmap-storage, and Pillow where files break its rules.
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "reader.h"

enum { RAW = 0, RLE8 = 1, RLE4 = 2, BITFIELDS = 3, ALPHA_BITFIELDS = 6 };

typedef struct {
  int32_t width, height;
  bool is_top_down;
  uint32_t bits, compression, colour_count;
  uint32_t masks[3];
  uint8_t colours[256][3];
} bitmap;

static bool fail(ci_error *error, const char *what) {
  ci_fail(error, "%s", what);
  return false;
}

static bool read_palette(ci_reader *in, bitmap *bitmap, int entry) {
  for (uint32_t i = 0; i < bitmap->colour_count; i++) {
    const uint8_t *bgr = ci_take(in, (size_t)entry);
    if (!bgr) return false;
    if (i >= 256) continue;
    for (int c = 0; c < 3; c++) bitmap->colours[i][c] = bgr[2 - c];
  }
  return true;
}

static void read_masks(ci_reader *in, bitmap *bitmap) {
  static const uint32_t usual15[3] = {0x7c00, 0x3e0, 0x1f}, usual[3] = {0xff0000, 0xff00, 0xff};
  memcpy(bitmap->masks, bitmap->bits == 16 ? usual15 : usual, sizeof usual);
  if (bitmap->compression != BITFIELDS && bitmap->compression != ALPHA_BITFIELDS) return;
  uint32_t given[3];
  for (int c = 0; c < 3; c++) given[c] = ci_number(in, 4);
  // All masks zero stands for the usual ones.
  if (given[0] | given[1] | given[2]) memcpy(bitmap->masks, given, sizeof given);
  if (bitmap->compression == ALPHA_BITFIELDS) ci_number(in, 4);
}

// Reads everything before the pixels and goes there.
static bool read_header(ci_reader *in, bitmap *bitmap, ci_error *error) {
  in->position = 10;
  uint32_t offset = ci_number(in, 4), size = ci_number(in, 4);
  bool is_old = size == 12;
  if (is_old) {
    bitmap->width = (int32_t)ci_number(in, 2);
    bitmap->height = (int32_t)ci_number(in, 2);
  } else if (size >= 40 && size <= 124) {
    bitmap->width = (int32_t)ci_number(in, 4);
    int64_t height = (int32_t)ci_number(in, 4);
    bitmap->is_top_down = height < 0;
    height = height < 0 ? -height : height;
    bitmap->height = height > INT32_MAX ? 0 : (int32_t)height;
  } else {
    return fail(error, "its header has a size that no kind of BMP has");
  }
  ci_number(in, 2);
  bitmap->bits = ci_number(in, 2);
  if (!is_old) {
    bitmap->compression = ci_number(in, 4);
    ci_take(in, 12);
    bitmap->colour_count = ci_number(in, 4);
    ci_number(in, 4);
  }
  // The masks stand behind a header of 40 bytes, which longer ones have in the same place.
  read_masks(in, bitmap);
  if (size > 40 || is_old) in->position = 14 + (size_t)size;
  if (in->ended || in->position > in->length) return fail(error, "it ends too early");
  if (bitmap->bits <= 8) {
    if (bitmap->colour_count == 0) bitmap->colour_count = 1u << bitmap->bits;
    if (bitmap->colour_count > 65536) return fail(error, "it says that it has too many colours");
    if (!read_palette(in, bitmap, is_old ? 3 : 4)) return fail(error, "it ends too early");
  }
  // Some writers forget their palette in the offset.
  bool is_forgotten = bitmap->bits <= 8 && offset == 14 + size;
  if (offset != 0 && !is_forgotten) in->position = offset;
  return in->position <= in->length || fail(error, "it ends too early");
}

static bool is_readable(const bitmap *bitmap, ci_error *error) {
  uint32_t bits = bitmap->bits, kind = bitmap->compression;
  bool has_palette = bits == 1 || bits == 4 || bits == 8;
  bool has_channels = bits == 16 || bits == 24 || bits == 32;
  if ((kind == RLE8 && bits == 8) || (kind == RLE4 && bits == 4))
    return !bitmap->is_top_down || fail(error, "its rows are compressed from the top down, which BMP does not have");
  if (kind == RAW && (has_palette || has_channels)) return true;
  if ((kind == BITFIELDS || kind == ALPHA_BITFIELDS) && has_channels) return true;
  ci_fail(error, "it has %u bits a pixel in compression %u, which is not read", bits, kind);
  return false;
}

// The channel that `mask` cuts out, scaled to eight bits as Pillow scales five and six.
static uint8_t channel(uint32_t pixel, uint32_t mask) {
  if (mask == 0) return 0;
  int shift = __builtin_ctz(mask);
  uint64_t most = mask >> shift;
  return (uint8_t)((uint64_t)((pixel & mask) >> shift) * 255 / most);
}

static bool read_rows(ci_reader *in, const bitmap *bitmap, ci_image *image, ci_error *error) {
  uint32_t bits = bitmap->bits;
  size_t stride = ((size_t)bitmap->width * bits + 31) / 32 * 4;
  // The last row may come without the bytes that fill it up.
  size_t row_bytes = ((size_t)bitmap->width * bits + 7) / 8;
  if (ci_left(in) < stride * ((size_t)bitmap->height - 1) + row_bytes) return fail(error, "it ends too early");
  for (int32_t y = 0; y < bitmap->height; y++) {
    const uint8_t *row = in->bytes + in->position + stride * (size_t)y;
    int32_t line = bitmap->is_top_down ? y : bitmap->height - 1 - y;
    uint8_t *to = image->pixels + 3 * (size_t)line * (size_t)bitmap->width;
    for (size_t x = 0; x < (size_t)bitmap->width; x++, to += 3) {
      if (bits <= 8) {
        uint32_t index = row[x * bits / 8] >> (8 - bits - x * bits % 8) & ((1u << bits) - 1);
        if (index >= bitmap->colour_count) return fail(error, "it uses a colour that its palette does not have");
        memcpy(to, bitmap->colours[index], 3);
      } else {
        uint32_t pixel = 0;
        for (size_t i = 0; i < bits / 8; i++) pixel |= (uint32_t)row[x * (bits / 8) + i] << (8 * i);
        for (int c = 0; c < 3; c++) to[c] = channel(pixel, bitmap->masks[c]);
      }
    }
  }
  return true;
}

// Undoes run lengths into indices, from the bottom row up; what they leave out has the first colour.
static bool read_runs(ci_reader *in, const bitmap *bitmap, uint8_t *indices, ci_error *error) {
  int64_t width = bitmap->width, height = bitmap->height, x = 0, y = 0;
  bool is_rle4 = bitmap->compression == RLE4;
  while (y < height) {
    int count = ci_byte(in), value = ci_byte(in);
    if (in->ended) {
      // All pixels may be there without a mark of the end.
      if (y == height - 1 && x == width) return true;
      return fail(error, "it ends too early");
    }
    if (count == 0 && value == 1) return true;
    if (count == 0 && value == 0) {
      x = 0;
      y++;
    } else if (count == 0 && value == 2) {
      x += ci_byte(in);
      y += ci_byte(in);
      if (x > width) return fail(error, "its data is damaged");
    } else {
      bool is_run = count > 0;
      int pixels = is_run ? count : value;
      int byte = value;
      for (int i = 0; i < pixels; i++, x++) {
        if (!is_run && (!is_rle4 || i % 2 == 0)) byte = ci_byte(in);
        int index = !is_rle4 ? byte : i % 2 == 0 ? byte >> 4 : byte & 15;
        if (x < width) indices[y * width + x] = (uint8_t)index;
      }
      int bytes = is_run ? 0 : is_rle4 ? (pixels + 1) / 2 : pixels;
      if (bytes % 2 == 1) ci_byte(in);
    }
  }
  return true;
}

static bool read_compressed(ci_reader *in, const bitmap *bitmap, ci_image *image, ci_error *error) {
  size_t width = (size_t)bitmap->width, height = (size_t)bitmap->height;
  uint8_t *indices = calloc(width, height);
  if (!indices) return fail(error, "there is no memory for its pixels");
  bool done = read_runs(in, bitmap, indices, error);
  for (size_t i = 0; done && i < width * height; i++) {
    size_t line = height - 1 - i / width;
    if (indices[i] >= bitmap->colour_count)
      done = fail(error, "it uses a colour that its palette does not have");
    else
      memcpy(image->pixels + 3 * (line * width + i % width), bitmap->colours[indices[i]], 3);
  }
  free(indices);
  return done;
}

ci_image *ci_decode_bmp(const uint8_t *bytes, size_t length, int64_t max_pixels, ci_error *error) {
  ci_reader in = {bytes, length, 0, false};
  bitmap bitmap = {0};
  if (!read_header(&in, &bitmap, error) || !is_readable(&bitmap, error)) return NULL;
  ci_image *image = ci_new(bitmap.width, bitmap.height, 3, max_pixels, error);
  if (!image) return NULL;
  bool is_compressed = bitmap.compression == RLE8 || bitmap.compression == RLE4;
  bool done = is_compressed ? read_compressed(&in, &bitmap, image, error) : read_rows(&in, &bitmap, image, error);
  if (done) return image;
  ci_free(image);
  return NULL;
}
