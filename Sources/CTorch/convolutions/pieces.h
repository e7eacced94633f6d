// How the units of a direct convolution are shared out over vectors of sixteen lanes.
//
// A vector has sixteen units, or eight with two input channels side by side, or four with four: a rank of seven would
// leave nine lanes idle, computed two channels at a time it leaves two.
#pragma once
#include <c10/util/SmallVector.h>

#include <algorithm>
#include <cstdint>

#include "../lanes.h"

namespace ct::direct {
struct Piece {
  /// The first unit and how many there are.
  int64_t first, units;
  /// Input channels side by side in a vector: 1, 2 or 4.
  int64_t share;
  /// Vectors that go together, 1 or 2.
  int64_t vectors;
  /// Where its weights begin; each vector's are taps × steps × 16, channels that are left over one a step.
  int64_t offset;

  /// Units that there would be without idle lanes.
  int64_t filled() const { return vectors * lanes::width / share; }
  int64_t steps(int64_t channels) const { return channels / share + channels % share; }
};

/// Units in pieces, so that few vector operations are needed.
struct Pieces {
  c10::SmallVector<Piece, 8> all;
  /// Elements of the arranged weight, without biases; and vectors.
  int64_t size = 0, vectors = 0;
  /// Vector operations for one output pixel.
  int64_t operations = 0;

  int64_t filled() const { return all.back().first + all.back().filled(); }

  Pieces(int64_t units, int64_t channels, int64_t taps) : channels(channels), taps(taps) {
    int64_t whole = units / lanes::width, rest = units % lanes::width;
    // Two vectors side by side read an input once: nine units and more beside sixteen are not worth a piece of their own.
    if (rest > (whole % 2 == 1 ? 8 : 12)) {
      whole++;
      rest = 0;
    }
    for (int64_t done = 0; done < whole; done += 2) {
      const int64_t vectors = std::min<int64_t>(2, whole - done), first = done * lanes::width;
      add(first, std::min(vectors * lanes::width, units - first), 1, vectors);
    }
    if (rest == 0) return;
    const int64_t first = whole * lanes::width;
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

 private:
  int64_t channels, taps;

  /// Vector operations of a piece for one pixel; lanes side by side have to be added up in the end.
  int64_t cost(int64_t share) const { return taps * Piece{0, 0, share, 1, 0}.steps(channels) + (share > 1 ? 3 : 0); }

  void add(int64_t first, int64_t units, int64_t share, int64_t together) {
    all.push_back({first, units, share, together, size});
    size += together * taps * all.back().steps(channels) * lanes::width;
    vectors += together;
    operations += together * cost(share);
  }
};

/// Puts a weight into the order in which it is read: piece by piece, vector by vector, taps before channels, and behind
/// all of them the biases, as the first of the lanes side by side. `weight(unit, channel, tap)` is an element.
template <class Weight>
void arrange(const Pieces &pieces, Weight weight, const float *bias, int64_t channels, int64_t taps, float *into) {
  float *biases = into + pieces.size;
  for (const auto &piece : pieces.all) {
    const int64_t each = lanes::width / piece.share, steps = piece.steps(channels);
    const int64_t grouped = channels - channels % piece.share;
    for (int64_t u = 0; u < piece.units; u++) {
      const int64_t unit = piece.first + u, vector = u / each, lane = u % each * piece.share;
      float *own = into + piece.offset + vector * taps * steps * lanes::width + lane;
      for (int64_t tap = 0; tap < taps; tap++) {
        int64_t c = 0;
        for (; c < grouped; c += piece.share, own += lanes::width) {
          for (int64_t i = 0; i < piece.share; i++) own[i] = weight(unit, c + i, tap);
        }
        for (; c < channels; c++, own += lanes::width) *own = weight(unit, c, tap);
      }
      if (bias) biases[vector * lanes::width + lane] = bias[unit];
    }
    biases += piece.vectors * lanes::width;
  }
}
}  // namespace ct::direct
