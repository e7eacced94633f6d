// Sums of products over the pixels of images; accumulation.h includes it once for each way to multiply, inside a
// namespace that has `multiply_add`.

/// `by_vector`: whether taps are different places of the vector, or of the single elements.
template <int taps, int singles, bool by_vector>
CK_TARGET __attribute__((min_vector_width(512))) void accumulate(const Accumulation &given) {
  Vector sum[taps][singles] = {};
  for (int64_t y = 0; y < given.rows; y++) {
    for (int i = 0; i < 2; i++) given.prefetch[i].fetch();
    const float *vector = given.vector.at + y * given.vector.row, *single = given.single.at + y * given.single.row;
    for (int64_t p = 0; p < given.pixels; p++, vector += given.vector.pixel, single += given.single.pixel) {
      Vector own[by_vector ? taps : 1];
      CK_UNROLLED for (int t = 0; t < (by_vector ? taps : 1); t++) simd::load(own[t], vector + t * given.vector.tap);
      CK_UNROLLED for (int t = 0; t < taps; t++) {
        CK_UNROLLED for (int i = 0; i < singles; i++) {
          Vector value;
          micro_kernel::spread<1>(value, single + (by_vector ? 0 : t * given.single.tap) + i);
          multiply_add(sum[t][i], value, own[by_vector ? t : 0]);
        }
      }
    }
  }
  CK_UNROLLED for (int t = 0; t < taps; t++) {
    CK_UNROLLED for (int i = 0; i < singles; i++) {
      float *to = given.sums + t * given.tap + i * given.element;
      Vector before;
      simd::load(before, to);
      simd::store(to, before + sum[t][i]);
    }
  }
}

template <int taps, bool by_vector, int... singles>
Loop of_singles(int64_t wanted, std::integer_sequence<int, singles...>) {
  constexpr Loop all[] = {&accumulate<taps, singles + 1, by_vector>...};
  return all[wanted - 1];
}

template <bool by_vector>
Loop chosen(int64_t taps, int64_t singles) {
  constexpr auto counts = std::make_integer_sequence<int, most_singles>();
  if (taps == 1) return of_singles<1, by_vector>(singles, counts);
  if (taps == 2) return of_singles<2, by_vector>(singles, counts);
  return of_singles<3, by_vector>(singles, counts);
}
