// Rows of a direct convolution; micro_kernel.h includes it once for each way to multiply, inside a namespace that has
// `multiply_add` and says what is `Stored`.
template <int pixels, int vectors, int depth>
CK_TARGET CK_INLINE void block(const Strip &in, const Result<Stored> &out) {
  Vector sum[pixels][vectors];
  CK_UNROLLED for (int v = 0; v < vectors; v++) {
    Vector bias;
    simd::load(bias, in.bias + v * width);
    CK_UNROLLED for (int p = 0; p < pixels; p++) sum[p][v] = bias;
  }
  const float *weight = in.weight;
  const int64_t grouped = in.channels - in.channels % depth;
  for (int64_t i = 0; i < in.kernel_height; i++) {
    for (int64_t j = 0; j < in.kernel_width; j++) {
      const float *x = in.x + i * in.row + j * in.tap;
      if constexpr (depth > 1) CK_OPAQUE(x);
      int64_t c = 0;
      if constexpr (depth > 1) {
        for (; c < grouped; c += depth, weight += width) {
          Vector w;
          simd::load(w, weight);
          CK_UNROLLED for (int p = 0; p < pixels; p++) {
            Vector value;
            spread<depth>(value, x + p * in.pixel + c);
            multiply_add(sum[p][0], value, w);
          }
        }
      }
      for (; c < in.channels; c++, weight += width) {
        Vector w[vectors];
        CK_UNROLLED for (int v = 0; v < vectors; v++) simd::load(w[v], weight + v * in.weight_size);
        CK_UNROLLED for (int p = 0; p < pixels; p++) {
          Vector value;
          spread<1>(value, x + p * in.pixel + c);
          CK_UNROLLED for (int v = 0; v < vectors; v++) multiply_add(sum[p][v], value, w[v]);
        }
      }
    }
  }
  if constexpr (depth == 1) {
    finish<pixels, vectors, 1>(sum, pixels, out);
  } else {
    // Behind the last pixel the last comes again, and is not stored.
    constexpr int last = pixels - 1, together = (pixels + depth - 1) / depth;
    Vector added[together][1];
    CK_UNROLLED for (int i = 0; i < together; i++) {
      const int p = i * depth;
      add_pairs(added[i][0], sum[p][0], sum[p + 1 < last ? p + 1 : last][0]);
      if constexpr (depth == 4) {
        Vector others;
        add_pairs(others, sum[p + 2 < last ? p + 2 : last][0], sum[p + 3 < last ? p + 3 : last][0]);
        add_pairs(added[i][0], added[i][0], others);
      }
    }
    finish<together, 1, depth>(added, pixels, out);
  }
}

/// `count` pixels of a row, fewer than `most` at once only at its end.
template <int most, int vectors, int depth, int... fewer>
CK_TARGET CK_INLINE void rest(int64_t count, const Strip &in, const Result<Stored> &out,
                              std::integer_sequence<int, fewer...>) {
  (void)((count == fewer ? (block<fewer == 0 ? 1 : fewer, vectors, depth>(in, out), true) : false) || ...);
}
template <int most, int vectors, int depth>
CK_TARGET CK_INLINE void row(int64_t count, Strip in, Result<Stored> out) {
  for (; count >= most; count -= most) {
    block<most, vectors, depth>(in, out);
    in.x += most * in.pixel;
    out.y += most * out.pixel;
    if (out.addend) out.addend += most * out.pixel;
  }
  if (count > 0) rest<most, vectors, depth>(count, in, out, std::make_integer_sequence<int, most>());
}

/// Pixels at once beside one and two vectors of units: as many as there are registers for.
template <int one, int two>
CK_TARGET CK_INLINE void units(int64_t count, const ChannelTile &tile, const Strip &in, const Result<Stored> &out) {
  if (tile.vectors == 2) {
    row<two, 2, 1>(count, in, out);
  } else if (tile.depth == 4) {
    row<one, 1, 4>(count, in, out);
  } else if (tile.depth == 2) {
    row<one, 1, 2>(count, in, out);
  } else {
    row<one, 1, 1>(count, in, out);
  }
}
