#include <webp/decode.h>
#include <webp/demux.h>

#include "internal.h"

static const char *reason(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY: return "there is no memory for it";
    case VP8_STATUS_UNSUPPORTED_FEATURE: return "it has a feature that libwebp does not support";
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA: return "it ends too early";
    default: return "its data is damaged";
  }
}

static bool decode_still(WebPDecoderConfig *config, const uint8_t *bytes, size_t length, ci_image *image,
                         ci_error *error) {
  config->output.colorspace = MODE_RGB;
  config->output.is_external_memory = 1;
  config->output.u.RGBA.rgba = image->pixels;
  config->output.u.RGBA.stride = image->width * 3;
  config->output.u.RGBA.size = (size_t)image->width * (size_t)image->height * 3;
  VP8StatusCode status = WebPDecode(bytes, length, config);
  if (status != VP8_STATUS_OK) ci_fail(error, "%s", reason(status));
  WebPFreeDecBuffer(&config->output);
  return status == VP8_STATUS_OK;
}

// The first picture of an animation, painted onto its canvas.
static bool decode_animated(const uint8_t *bytes, size_t length, ci_image *image, ci_error *error) {
  WebPData data = {bytes, length};
  WebPAnimDecoderOptions options;
  WebPAnimDecoder *decoder = NULL;
  if (WebPAnimDecoderOptionsInit(&options)) decoder = WebPAnimDecoderNew(&data, &options);
  WebPAnimInfo info;
  uint8_t *canvas = NULL;
  int time = 0;
  bool done = decoder && WebPAnimDecoderGetInfo(decoder, &info) && (int32_t)info.canvas_width == image->width &&
              (int32_t)info.canvas_height == image->height && WebPAnimDecoderGetNext(decoder, &canvas, &time);
  if (done) {
    size_t count = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < count; i++)
      for (size_t c = 0; c < 3; c++) image->pixels[3 * i + c] = canvas[4 * i + c];
  } else {
    ci_fail(error, "its first frame is damaged or cut off");
  }
  WebPAnimDecoderDelete(decoder);
  return done;
}

ci_image *ci_decode_webp(const uint8_t *bytes, size_t length, int64_t max_pixels, ci_error *error) {
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) {
    ci_fail(error, "libwebp is of another version than its headers");
    return NULL;
  }
  VP8StatusCode status = WebPGetFeatures(bytes, length, &config.input);
  if (status != VP8_STATUS_OK) {
    ci_fail(error, "%s", reason(status));
    return NULL;
  }
  ci_image *image = ci_new(config.input.width, config.input.height, 3, max_pixels, error);
  if (!image) return NULL;
  bool done = config.input.has_animation ? decode_animated(bytes, length, image, error)
                                         : decode_still(&config, bytes, length, image, error);
  if (done) return image;
  ci_free(image);
  return NULL;
}
