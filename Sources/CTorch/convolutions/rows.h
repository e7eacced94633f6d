// Rows of a direct convolution; direct.h includes it once for each way to multiply, inside a namespace that has
// `multiply_add` and says what is `Stored`.
template <int pixels, int vectors, int share>
CT_TARGET CT_INLINE void block(const Strip &in, const Result<Stored> &out) {
  Lanes sum[pixels][vectors];
  CT_UNROLLED for (int v = 0; v < vectors; v++) {
    Lanes bias;
    lanes::load(bias, in.bias + v * width);
    CT_UNROLLED for (int p = 0; p < pixels; p++) sum[p][v] = bias;
  }
  const float *weight = in.weight;
  const int64_t grouped = in.channels - in.channels % share;
  for (int64_t i = 0; i < in.kernel_height; i++) {
    for (int64_t j = 0; j < in.kernel_width; j++) {
      const float *x = in.x + i * in.row + j * in.tap;
      if constexpr (share > 1) CT_OPAQUE(x);
      int64_t c = 0;
      if constexpr (share > 1) {
        for (; c < grouped; c += share, weight += width) {
          Lanes w;
          lanes::load(w, weight);
          CT_UNROLLED for (int p = 0; p < pixels; p++) {
            Lanes value;
            spread<share>(value, x + p * in.pixel + c);
            multiply_add(sum[p][0], value, w);
          }
        }
      }
      for (; c < in.channels; c++, weight += width) {
        Lanes w[vectors];
        CT_UNROLLED for (int v = 0; v < vectors; v++) lanes::load(w[v], weight + v * in.weight_size);
        CT_UNROLLED for (int p = 0; p < pixels; p++) {
          Lanes value;
          spread<1>(value, x + p * in.pixel + c);
          CT_UNROLLED for (int v = 0; v < vectors; v++) multiply_add(sum[p][v], value, w[v]);
        }
      }
    }
  }
  if constexpr (share == 1) {
    finish<pixels, vectors, 1>(sum, pixels, out);
  } else {
    // Behind the last pixel the last comes again, and is not stored.
    constexpr int last = pixels - 1, together = (pixels + share - 1) / share;
    Lanes added[together][1];
    CT_UNROLLED for (int i = 0; i < together; i++) {
      const int p = i * share;
      add_pairs(added[i][0], sum[p][0], sum[p + 1 < last ? p + 1 : last][0]);
      if constexpr (share == 4) {
        Lanes others;
        add_pairs(others, sum[p + 2 < last ? p + 2 : last][0], sum[p + 3 < last ? p + 3 : last][0]);
        add_pairs(added[i][0], added[i][0], others);
      }
    }
    finish<together, 1, share>(added, pixels, out);
  }
}

/// `count` pixels of a row, fewer than `most` at once only at its end.
template <int most, int vectors, int share, int... fewer>
CT_TARGET CT_INLINE void rest(int64_t count, const Strip &in, const Result<Stored> &out,
                              std::integer_sequence<int, fewer...>) {
  (void)((count == fewer ? (block<fewer == 0 ? 1 : fewer, vectors, share>(in, out), true) : false) || ...);
}
template <int most, int vectors, int share>
CT_TARGET CT_INLINE void row(int64_t count, Strip in, Result<Stored> out) {
  for (; count >= most; count -= most) {
    block<most, vectors, share>(in, out);
    in.x += most * in.pixel;
    out.y += most * out.pixel;
    if (out.addend) out.addend += most * out.pixel;
  }
  if (count > 0) rest<most, vectors, share>(count, in, out, std::make_integer_sequence<int, most>());
}

/// Pixels at once beside one and two vectors of units: as many as there are registers for.
template <int one, int two>
CT_TARGET CT_INLINE void units(int64_t count, const Piece &piece, const Strip &in, const Result<Stored> &out) {
  if (piece.vectors == 2) {
    row<two, 2, 1>(count, in, out);
  } else if (piece.share == 4) {
    row<one, 1, 4>(count, in, out);
  } else if (piece.share == 2) {
    row<one, 1, 2>(count, in, out);
  } else {
    row<one, 1, 1>(count, in, out);
  }
}

