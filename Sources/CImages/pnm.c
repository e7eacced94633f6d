// PBM, PGM and PPM, plain and raw: a page of text describes them, and netpbm's own library ends the process on errors.
// Source: https://netpbm.sourceforge.net/doc/ppm.html and its neighbours.
#include "internal.h"
#include "reader.h"

enum { MOST = 65535 };

static bool is_space(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// The next byte that is no comment's; a comment goes from # to the end of its line, which counts as white space.
static int next_character(ci_reader *in) {
  int c = ci_byte(in);
  if (c != '#') return c;
  while (!in->ended && c != '\n' && c != '\r') c = ci_byte(in);
  return '\n';
}

// The next decimal number, with the one white space behind it; -1 when there is none of at most `most`.
static int32_t next_number(ci_reader *in, int32_t most) {
  int c = ' ';
  while (is_space(c) && !in->ended) c = next_character(in);
  if (in->ended || c < '0' || c > '9') return -1;
  int32_t value = 0;
  while (c >= '0' && c <= '9') {
    value = value * 10 + (c - '0');
    if (value > most) return -1;
    c = ci_left(in) ? next_character(in) : ' ';
  }
  return is_space(c) ? value : -1;
}

// round(value / most · 255) with halves to even, as Pillow scales.
static uint8_t scaled(uint32_t value, uint32_t most) {
  uint32_t twice = 2 * value * 255, quotient = twice / (2 * most), rest = twice % (2 * most);
  if (rest > most || (rest == most && quotient & 1)) quotient++;
  return quotient > 255 ? 255 : (uint8_t)quotient;
}

static bool read_plain(ci_reader *in, bool is_bitmap, uint32_t most, uint8_t *pixels, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!is_bitmap) {
      int32_t value = next_number(in, (int32_t)most);
      if (value < 0) return false;
      pixels[i] = scaled((uint32_t)value, most);
      continue;
    }
    // Digits of a bitmap need no space between them; 1 is black.
    int c = ' ';
    while (is_space(c) && !in->ended) c = next_character(in);
    if (in->ended || (c != '0' && c != '1')) return false;
    pixels[i] = c == '0' ? 255 : 0;
  }
  return true;
}

static bool read_raw(ci_reader *in, bool is_bitmap, uint32_t most, uint8_t *pixels, size_t row, size_t rows) {
  size_t stride = is_bitmap ? (row + 7) / 8 : most > 255 ? row * 2 : row;
  if (ci_left(in) / stride < rows) {
    in->ended = true;
    return false;
  }
  for (size_t y = 0; y < rows; y++, pixels += row) {
    const uint8_t *bytes = ci_take(in, stride);
    for (size_t x = 0; x < row; x++) {
      if (is_bitmap)
        pixels[x] = bytes[x / 8] >> (7 - x % 8) & 1 ? 0 : 255;
      else if (most > 255)
        pixels[x] = scaled((uint32_t)bytes[2 * x] << 8 | bytes[2 * x + 1], most);
      else
        pixels[x] = most == 255 ? bytes[x] : scaled(bytes[x], most);
    }
  }
  return true;
}

ci_image *ci_decode_pnm(const uint8_t *bytes, size_t length, int64_t max_pixels, ci_error *error) {
  ci_reader in = {bytes, length, 2, false};
  int kind = bytes[1] - '0';
  bool is_bitmap = kind == 1 || kind == 4, is_plain = kind <= 3;
  int32_t width = next_number(&in, INT32_MAX / 16), height = next_number(&in, INT32_MAX / 16);
  int32_t most = is_bitmap ? 1 : next_number(&in, MOST);
  if (width < 0 || height < 0 || most <= 0) {
    ci_fail(error, in.ended ? "it ends too early" : "its header is damaged");
    return NULL;
  }
  int32_t channels = kind % 3 == 0 ? 3 : 1;
  ci_image *image = ci_new(width, height, channels, max_pixels, error);
  if (!image) return NULL;
  size_t row = (size_t)width * (size_t)channels, rows = (size_t)height;
  bool done = is_plain ? read_plain(&in, is_bitmap, (uint32_t)most, image->pixels, row * rows)
                       : read_raw(&in, is_bitmap, (uint32_t)most, image->pixels, row, rows);
  if (done) return image;
  ci_fail(error, in.ended || ci_left(&in) == 0 ? "it ends too early" : "its data is damaged");
  ci_free(image);
  return NULL;
}
