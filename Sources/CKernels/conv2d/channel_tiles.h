// How the units of a direct convolution are tiled by vectors of sixteen lanes.
//
// A vector has sixteen units, or eight with two input channels side by side, or four with four: a rank of seven would
// leave nine lanes idle, computed two channels at a time it leaves two.
#pragma once
#include <algorithm>
#include <cstdint>

#include "../simd.h"

namespace ck {
struct ChannelTile {
  /// The first unit and how many there are.
  int64_t first, units;
  /// Input channels side by side in a vector: 1, 2 or 4.
  int64_t depth;
  /// Vectors that go together, 1 or 2.
  int64_t vectors;
  /// Where its weights begin; each vector's are taps × steps × 16, channels that are left over one a step.
  int64_t offset;

  /// Units that there would be without idle lanes.
  int64_t filled() const { return vectors * simd::width / depth; }
  int64_t steps(int64_t channels) const { return channels / depth + channels % depth; }
};

/// Units in tiles, so that few vector operations are needed.
class ChannelTiles {
 public:
  /// Elements of the packed weight, without biases; and vectors.
  int64_t size = 0, vectors = 0;
  /// Vector operations for one output pixel.
  int64_t operations = 0;

  ChannelTiles(int64_t units, int64_t channels, int64_t taps) : channels(channels), taps(taps) {
    int64_t whole = units / simd::width, rest = units % simd::width;
    // Two vectors side by side read an input once: nine units and more beside sixteen are not worth a tile of their
    // own.
    if (rest > (whole % 2 == 1 ? 8 : 12)) {
      whole++;
      rest = 0;
    }
    // All but the last tiles of whole vectors are alike, two full vectors each, and not kept.
    pairs = std::max<int64_t>(0, (whole + 1) / 2 - 1);
    tally(pairs, {0, 2 * simd::width, 1, 2, 0});
    if (pairs < (whole + 1) / 2) {
      const int64_t first = pairs * 2 * simd::width, left = whole - 2 * pairs;
      add(first, std::min(left * simd::width, units - first), 1, left);
    }
    if (rest == 0) return;
    const int64_t first = whole * simd::width;
    if (rest <= 4 && cost(4) < cost(1) && cost(4) <= cost(2)) {
      add(first, rest, 4, 1);
    } else if (rest <= 8 && cost(2) < cost(1)) {
      add(first, rest, 2, 1);
    } else if (rest > 8 && cost(2) + cost(4) < cost(1)) {
      add(first, 8, 2, 1);
      add(first + 8, rest - 8, 4, 1);
    } else {
      add(first, rest, 1, 1);
    }
  }

  int64_t count() const { return pairs + others; }
  ChannelTile operator[](int64_t index) const {
    if (index >= pairs) return last[index - pairs];
    return {index * 2 * simd::width, 2 * simd::width, 1, 2, index * 2 * taps * channels * simd::width};
  }
  int64_t filled() const {
    const ChannelTile end = (*this)[count() - 1];
    return end.first + end.filled();
  }

 private:
  int64_t channels, taps;
  int64_t pairs = 0, others = 0;
  ChannelTile last[3];

  /// Vector operations of a tile for one pixel; lanes side by side have to be added up in the end.
  int64_t cost(int64_t depth) const {
    return taps * ChannelTile{0, 0, depth, 1, 0}.steps(channels) + (depth > 1 ? 3 : 0);
  }

  void tally(int64_t tiles, const ChannelTile &each) {
    size += tiles * each.vectors * taps * each.steps(channels) * simd::width;
    vectors += tiles * each.vectors;
    operations += tiles * each.vectors * cost(each.depth);
  }
  void add(int64_t first, int64_t units, int64_t depth, int64_t together) {
    last[others] = {first, units, depth, together, size};
    tally(1, last[others++]);
  }
};

/// Puts a weight into the order in which it is read: tile by tile, vector by vector, taps before channels, and behind
/// all of them the biases, as the first of the lanes side by side. `weight(unit, channel, tap)` is an element.
template <class Element>
void pack(const ChannelTiles &tiles, Element weight, const float *bias, int64_t channels, int64_t taps, float *into) {
  float *biases = into + tiles.size;
  for (int64_t index = 0; index < tiles.count(); index++) {
    const ChannelTile tile = tiles[index];
    const int64_t each = simd::width / tile.depth, steps = tile.steps(channels);
    const int64_t grouped = channels - channels % tile.depth;
    for (int64_t u = 0; u < tile.units; u++) {
      const int64_t unit = tile.first + u, vector = u / each, lane = u % each * tile.depth;
      float *own = into + tile.offset + vector * taps * steps * simd::width + lane;
      for (int64_t tap = 0; tap < taps; tap++) {
        int64_t c = 0;
        for (; c < grouped; c += tile.depth, own += simd::width) {
          for (int64_t i = 0; i < tile.depth; i++) own[i] = weight(unit, c + i, tap);
        }
        for (; c < channels; c++, own += simd::width) *own = weight(unit, c, tap);
      }
      if (bias) biases[vector * simd::width + lane] = bias[unit];
    }
    biases += tile.vectors * simd::width;
  }
}
}  // namespace ck
