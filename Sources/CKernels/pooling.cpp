#include "CKernels/pooling.h"

#include <algorithm>
#include <vector>

/// Rows first, so that sums stay short.
void ck::global_average_pool(const Images<const float> &x, float *mean) {
  const auto [images, channels, height, width] = x.sizes;
  const float *from = x.data;
  const float factor = 1.0f / static_cast<float>(height * width);
  thread_local std::vector<float> sums;
  sums.resize(channels);
  float *row = sums.data();
  for (int64_t i = 0; i < images; i++, mean += channels) {
    std::fill_n(mean, channels, 0.0f);
    for (int64_t h = 0; h < height; h++) {
      std::fill_n(row, channels, 0.0f);
      for (int64_t w = 0; w < width; w++, from += channels) {
        for (int64_t c = 0; c < channels; c++) row[c] += from[c];
      }
      for (int64_t c = 0; c < channels; c++) mean[c] += row[c];
    }
    for (int64_t c = 0; c < channels; c++) mean[c] *= factor;
  }
}
