#ifndef CIMAGES_READER_H
#define CIMAGES_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Reads bytes from front to back; past the end it gives zeros and says so.
typedef struct {
  const uint8_t *bytes;
  size_t length;
  size_t position;
  bool ended;
} ci_reader;

static inline size_t ci_left(const ci_reader *reader) {
  return reader->position < reader->length ? reader->length - reader->position : 0;
}

static inline uint8_t ci_byte(ci_reader *reader) {
  if (reader->position < reader->length) return reader->bytes[reader->position++];
  reader->ended = true;
  return 0;
}

// Little-endian.
static inline uint32_t ci_number(ci_reader *reader, int bytes) {
  uint32_t value = 0;
  for (int i = 0; i < bytes; i++) value |= (uint32_t)ci_byte(reader) << (8 * i);
  return value;
}

// The next `count` bytes; NULL when there are not so many.
static inline const uint8_t *ci_take(ci_reader *reader, size_t count) {
  if (ci_left(reader) < count) {
    reader->ended = true;
    return NULL;
  }
  const uint8_t *taken = reader->bytes + reader->position;
  reader->position += count;
  return taken;
}

#endif
