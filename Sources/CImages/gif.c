// The first frame of a GIF; written here because giflib has no description for pkg-config and the format is small.
// Source: Graphics Interchange Format, version 89a (W3C, https://www.w3.org/Graphics/GIF/spec-gif89a.txt).
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "reader.h"

enum { CODES = 4096 };

typedef struct {
  uint8_t colours[256][3];
  // Which index fills what the frame leaves free.
  uint8_t filling;
  bool is_interlaced;
  uint32_t left, top, width, height;
} frame;

static bool fail(ci_error *error, const char *what) {
  ci_fail(error, "%s", what);
  return false;
}

static bool read_palette(ci_reader *in, int flags, frame *frame) {
  size_t count = (size_t)2 << (flags & 7);
  const uint8_t *colours = ci_take(in, count * 3);
  if (!colours) return false;
  // What a palette leaves out is grey, as in Pillow.
  for (int i = 0; i < 256; i++) memset(frame->colours[i], i, 3);
  memcpy(frame->colours, colours, count * 3);
  return true;
}

static bool skip_blocks(ci_reader *in) {
  for (;;) {
    uint8_t length = ci_byte(in);
    if (in->ended) return false;
    if (length == 0) return true;
    if (!ci_take(in, length)) return false;
  }
}

// Reads up to the first frame's data.
static bool read_frame(ci_reader *in, frame *frame) {
  for (;;) {
    uint8_t kind = ci_byte(in);
    if (in->ended) return false;
    if (kind == ';') return false;
    if (kind == '!') {
      uint8_t label = ci_byte(in);
      // A graphic control: four bytes, of which the last is the transparent index where the first one's bit says so.
      if (label == 0xf9 && ci_left(in) >= 5 && in->bytes[in->position] == 4 && in->bytes[in->position + 1] & 1)
        frame->filling = in->bytes[in->position + 4];
      if (!skip_blocks(in)) return false;
    }
    if (kind != ',') continue;
    frame->left = ci_number(in, 2);
    frame->top = ci_number(in, 2);
    frame->width = ci_number(in, 2);
    frame->height = ci_number(in, 2);
    uint8_t flags = ci_byte(in);
    frame->is_interlaced = flags & 64;
    if (flags & 128 && !read_palette(in, flags, frame)) return false;
    return !in->ended;
  }
}

typedef struct {
  ci_reader *in;
  size_t block_left;
  uint32_t bits;
  int bit_count;
} code_reader;

// The next code of `size` bits; -1 at the end of the data.
static int next_code(code_reader *codes, int size) {
  while (codes->bit_count < size) {
    if (codes->block_left == 0 && (codes->block_left = ci_byte(codes->in)) == 0) return -1;
    codes->bits |= (uint32_t)ci_byte(codes->in) << codes->bit_count;
    codes->block_left--;
    codes->bit_count += 8;
    if (codes->in->ended) return -1;
  }
  int code = (int)(codes->bits & ((1u << size) - 1));
  codes->bits >>= size;
  codes->bit_count -= size;
  return code;
}

// Undoes LZW (appendix F) into `count` indices.
static bool decompress(ci_reader *in, uint8_t *indices, size_t count, ci_error *error) {
  int minimum = ci_byte(in);
  if (in->ended) return fail(error, "it ends too early");
  if (minimum < 1 || minimum > 8) return fail(error, "its data is damaged");
  const int clear = 1 << minimum, end = clear + 1;
  uint16_t prefix[CODES];
  uint8_t last[CODES], stack[CODES];
  for (int i = 0; i < clear; i++) last[i] = (uint8_t)i;
  code_reader codes = {.in = in};
  int size = minimum + 1, next = clear + 2, previous = -1;
  uint8_t first = 0;
  size_t done = 0;
  while (done < count) {
    int code = next_code(&codes, size);
    if (code < 0 || code == end) return fail(error, "it ends too early");
    if (code == clear) {
      size = minimum + 1;
      next = clear + 2;
      previous = -1;
      continue;
    }
    // The one code that is used before it is defined is the previous string with its own first letter.
    if (code > next || (code == next && previous < 0) || (code >= clear && previous < 0))
      return fail(error, "its data is damaged");
    int depth = 0, walk = code;
    if (code == next) {
      stack[depth++] = first;
      walk = previous;
    }
    while (walk > end) {
      stack[depth++] = last[walk];
      walk = prefix[walk];
    }
    first = last[walk];
    stack[depth++] = first;
    while (depth > 0 && done < count) indices[done++] = stack[--depth];
    if (previous >= 0 && next < CODES) {
      prefix[next] = (uint16_t)previous;
      last[next++] = first;
      if (next == 1 << size && size < 12) size++;
    }
    previous = code;
  }
  return true;
}

// Where the file's row `number` of an interlaced frame belongs: every eighth row, those between, and so on.
static uint32_t interlaced_row(uint32_t number, uint32_t height) {
  static const uint32_t starts[4] = {0, 4, 2, 1}, steps[4] = {8, 8, 4, 2};
  for (int pass = 0; pass < 4; pass++) {
    uint32_t rows = height > starts[pass] ? (height - starts[pass] + steps[pass] - 1) / steps[pass] : 0;
    if (number < rows) return starts[pass] + number * steps[pass];
    number -= rows;
  }
  return height - 1;
}

static void paint(const frame *frame, const uint8_t *indices, ci_image *image) {
  size_t count = (size_t)image->width * (size_t)image->height;
  for (size_t i = 0; i < count; i++) memcpy(image->pixels + 3 * i, frame->colours[frame->filling], 3);
  for (uint32_t number = 0; number < frame->height; number++) {
    uint32_t row = frame->top + (frame->is_interlaced ? interlaced_row(number, frame->height) : number);
    uint8_t *to = image->pixels + 3 * ((size_t)row * (size_t)image->width + frame->left);
    for (uint32_t x = 0; x < frame->width; x++, to += 3) memcpy(to, frame->colours[*indices++], 3);
  }
}

ci_image *ci_decode_gif(const uint8_t *bytes, size_t length, int64_t max_pixels, ci_error *error) {
  ci_reader in = {bytes, length, 6, false};
  frame frame = {0};
  uint32_t width = ci_number(&in, 2), height = ci_number(&in, 2);
  int flags = ci_byte(&in);
  ci_number(&in, 2);
  for (int i = 0; i < 256; i++) memset(frame.colours[i], i, 3);
  if (in.ended || (flags & 128 && !read_palette(&in, flags, &frame)) || !read_frame(&in, &frame)) {
    ci_fail(error, in.ended ? "it ends too early" : "it has no frame");
    return NULL;
  }
  // As Pillow has it, a frame that is larger than its canvas makes that larger.
  if (frame.left + frame.width > width) width = frame.left + frame.width;
  if (frame.top + frame.height > height) height = frame.top + frame.height;
  ci_image *image = ci_new(width, height, 3, max_pixels, error);
  if (!image) return NULL;
  size_t count = (size_t)frame.width * frame.height;
  uint8_t *indices = malloc(count + 1);
  bool done = false;
  if (!indices)
    ci_fail(error, "there is no memory for its pixels");
  else
    done = decompress(&in, indices, count, error);
  if (done) paint(&frame, indices, image);
  free(indices);
  if (done) return image;
  ci_free(image);
  return NULL;
}
