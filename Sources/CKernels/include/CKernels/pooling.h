// Pooling of few small images.
#pragma once
#include "images.h"

namespace ck {
/// The mean over the pixels of each image and channel, on the calling thread.
void global_average_pool(const Images<const float> &x, float *mean);
}  // namespace ck
