#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

#include "internal.h"

// libtiff's handlers of errors belong to the whole process: they note what is said of the file that this thread reads.
static _Thread_local ci_error *current;
static _Thread_local bool is_damaged;

static void note_error(thandle_t handle, const char *module, const char *format, va_list arguments) {
  (void)handle;
  (void)module;
  // The first error is the cause.
  if (current && !current->text[0]) vsnprintf(current->text, sizeof current->text, format, arguments);
}

// As in a JPEG file, libjpeg only warns of missing data and paints the rest grey.
static void note_warning(thandle_t handle, const char *module, const char *format, va_list arguments) {
  if (!module || strcmp(module, "JPEGLib") != 0) return;
  is_damaged = true;
  note_error(handle, module, format, arguments);
}

static void install_handlers(void) {
  TIFFSetErrorHandler(NULL);
  TIFFSetWarningHandler(NULL);
  TIFFSetErrorHandlerExt(note_error);
  TIFFSetWarningHandlerExt(note_warning);
}

typedef struct {
  const uint8_t *bytes;
  toff_t length;
  toff_t position;
} memory_file;

static tmsize_t read_memory(thandle_t handle, void *to, tmsize_t count) {
  memory_file *file = (memory_file *)handle;
  toff_t left = file->position < file->length ? file->length - file->position : 0;
  if (count < 0) return -1;
  toff_t taken = (toff_t)count < left ? (toff_t)count : left;
  memcpy(to, file->bytes + file->position, (size_t)taken);
  file->position += taken;
  return (tmsize_t)taken;
}

static tmsize_t refuse_writing(thandle_t handle, void *from, tmsize_t count) {
  (void)handle;
  (void)from;
  (void)count;
  return -1;
}

static toff_t seek_memory(thandle_t handle, toff_t offset, int from) {
  memory_file *file = (memory_file *)handle;
  if (from == SEEK_CUR) offset += file->position;
  if (from == SEEK_END) offset += file->length;
  file->position = offset;
  return offset;
}

static int close_memory(thandle_t handle) {
  (void)handle;
  return 0;
}

static toff_t size_of_memory(thandle_t handle) { return ((memory_file *)handle)->length; }

// What libtiff would read but Pillow does not, or not so: told by name.
static bool is_supported(TIFF *tiff, int64_t max_pixels, ci_error *error) {
  uint16_t bits = 1, samples = 1, format = SAMPLEFORMAT_UINT;
  uint32_t kind = 0;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &format);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SUBFILETYPE, &kind);
  if (kind & FILETYPE_REDUCEDIMAGE) {
    ci_fail(error, "its first image is a preview of another, as in a camera's raw file; convert it");
  } else if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID) {
    ci_fail(error, "its samples are signed or floating-point numbers; convert them to 8 bits");
  } else if (bits > 16) {
    ci_fail(error, "its samples have %d bits; convert them to 8", bits);
  } else if (samples > 8) {
    ci_fail(error, "it has %d channels, more than the 8 allowed", samples);
  } else if ((TIFFIsTiled(tiff) ? TIFFTileSize64(tiff) : TIFFStripSize64(tiff)) > (uint64_t)max_pixels * 8) {
    ci_fail(error, "it says that one of its strips or tiles holds more than the pixels allowed");
  } else {
    return true;
  }
  return false;
}

// Pillow drops alpha; libtiff would multiply colours by one that is not associated with them.
static void pass_colours_on(TIFF *tiff) {
  uint16_t count = 0, *kinds = NULL;
  if (!TIFFGetField(tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds) || count == 0 || count > 8) return;
  uint16_t associated[8];
  for (int i = 0; i < count; i++)
    associated[i] = kinds[i] == EXTRASAMPLE_UNASSALPHA ? EXTRASAMPLE_ASSOCALPHA : kinds[i];
  TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, count, associated);
}

// Writes the raster upright, as Pillow does; orientations as in the TIFF 6.0 specification, page 36.
static void write_upright(const uint32_t *raster, uint32_t width, uint16_t orientation, ci_image *image) {
  bool is_turned = orientation >= ORIENTATION_LEFTTOP;
  bool from_right = orientation == ORIENTATION_TOPRIGHT || orientation == ORIENTATION_BOTRIGHT ||
                    orientation == ORIENTATION_RIGHTTOP || orientation == ORIENTATION_RIGHTBOT;
  bool from_bottom = orientation == ORIENTATION_BOTRIGHT || orientation == ORIENTATION_BOTLEFT ||
                     orientation == ORIENTATION_RIGHTBOT || orientation == ORIENTATION_LEFTBOT;
  uint8_t *to = image->pixels;
  for (uint32_t y = 0; y < (uint32_t)image->height; y++)
    for (uint32_t x = 0; x < (uint32_t)image->width; x++, to += 3) {
      // The place on the upright image is (x, y); what the file calls rows are its columns when it is turned.
      uint32_t upright_x = from_right ? (uint32_t)image->width - 1 - x : x;
      uint32_t upright_y = from_bottom ? (uint32_t)image->height - 1 - y : y;
      uint32_t row = is_turned ? upright_x : upright_y, column = is_turned ? upright_y : upright_x;
      uint32_t pixel = raster[(size_t)row * width + column];
      to[0] = TIFFGetR(pixel);
      to[1] = TIFFGetG(pixel);
      to[2] = TIFFGetB(pixel);
    }
}

static ci_image *decode(TIFF *tiff, int64_t max_pixels, ci_error *error) {
  if (!is_supported(tiff, max_pixels, error)) return NULL;
  pass_colours_on(tiff);
  uint32_t width = 0, height = 0;
  uint16_t orientation = ORIENTATION_TOPLEFT;
  TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &orientation);
  if (orientation < ORIENTATION_TOPLEFT || orientation > ORIENTATION_LEFTBOT) orientation = ORIENTATION_TOPLEFT;
  bool is_turned = orientation >= ORIENTATION_LEFTTOP;
  ci_image *image = ci_new(is_turned ? height : width, is_turned ? width : height, 3, max_pixels, error);
  if (!image) return NULL;
  char message[1024] = "";
  TIFFRGBAImage reader;
  uint32_t *raster = NULL;
  bool done = false;
  if (TIFFRGBAImageOK(tiff, message) && TIFFRGBAImageBegin(&reader, tiff, 1, message)) {
    // Rows come as the file has them.
    reader.req_orientation = reader.orientation;
    raster = calloc((size_t)width * height, sizeof *raster);
    if (!raster) ci_fail(error, "there is no memory for its pixels");
    done = raster && TIFFRGBAImageGet(&reader, raster, width, height) && !is_damaged;
    TIFFRGBAImageEnd(&reader);
  } else if (!error->text[0]) {
    ci_fail(error, "%s", message);
  }
  if (done) write_upright(raster, width, orientation, image);
  free(raster);
  if (done) return image;
  ci_free(image);
  return NULL;
}

ci_image *ci_decode_tiff(const uint8_t *bytes, size_t length, int64_t max_pixels, ci_error *error) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, install_handlers);
  memory_file file = {bytes, length, 0};
  current = error;
  is_damaged = false;
  // m: libtiff reads through the functions, never writes into the caller's bytes.
  TIFF *tiff = TIFFClientOpen("image", "rm", (thandle_t)&file, read_memory, refuse_writing, seek_memory, close_memory,
                              size_of_memory, NULL, NULL);
  ci_image *image = tiff ? decode(tiff, max_pixels, error) : NULL;
  if (tiff) TIFFClose(tiff);
  current = NULL;
  if (!image && !error->text[0]) ci_fail(error, "its data is damaged");
  return image;
}
