// Sums of products over the pixels of images; sweep.h includes it once for each way to multiply, inside a namespace that
// has `multiply_add`.

/// `by_vector`: whether taps are different places of the vector, or of the single elements.
template <int taps, int singles, bool by_vector>
CT_TARGET __attribute__((min_vector_width(512))) void sums(const Sweep &sweep) {
  Lanes sum[taps][singles] = {};
  for (int64_t y = 0; y < sweep.rows; y++) {
    for (int i = 0; i < 2; i++) sweep.ahead[i].fetch();
    const float *vector = sweep.vector.at + y * sweep.vector.row, *single = sweep.single.at + y * sweep.single.row;
    for (int64_t p = 0; p < sweep.pixels; p++, vector += sweep.vector.pixel, single += sweep.single.pixel) {
      Lanes own[by_vector ? taps : 1];
      CT_UNROLLED for (int t = 0; t < (by_vector ? taps : 1); t++) lanes::load(own[t], vector + t * sweep.vector.tap);
      CT_UNROLLED for (int t = 0; t < taps; t++) {
        CT_UNROLLED for (int i = 0; i < singles; i++) {
          Lanes value;
          direct::spread<1>(value, single + (by_vector ? 0 : t * sweep.single.tap) + i);
          multiply_add(sum[t][i], value, own[by_vector ? t : 0]);
        }
      }
    }
  }
  CT_UNROLLED for (int t = 0; t < taps; t++) {
    CT_UNROLLED for (int i = 0; i < singles; i++) {
      float *to = sweep.sums + t * sweep.tap + i * sweep.element;
      Lanes before;
      lanes::load(before, to);
      lanes::store(to, before + sum[t][i]);
    }
  }
}

template <int taps, bool by_vector, int... singles>
Sweeping of_singles(int64_t wanted, std::integer_sequence<int, singles...>) {
  constexpr Sweeping all[] = {&sums<taps, singles + 1, by_vector>...};
  return all[wanted - 1];
}

template <bool by_vector>
Sweeping chosen(int64_t taps, int64_t singles) {
  constexpr auto counts = std::make_integer_sequence<int, most_singles>();
  if (taps == 1) return of_singles<1, by_vector>(singles, counts);
  if (taps == 2) return of_singles<2, by_vector>(singles, counts);
  return of_singles<3, by_vector>(singles, counts);
}
