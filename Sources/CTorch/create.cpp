#include <ATen/CPUGeneratorImpl.h>

#include "protect.h"

using namespace ct;

static at::Generator &generator(ct_generator *g) { return *reinterpret_cast<at::Generator *>(g); }

void ct_free(ct_tensor *t) {
  if (!t) return;
  delete reinterpret_cast<at::Tensor *>(t);
  live.fetch_sub(1, std::memory_order_relaxed);
}

ct_tensor *ct_copy_bytes(const void *bytes, ct_dtype dtype, const int64_t *sizes, int32_t rank) {
  return tensor([&] {
    auto made = at::empty(list(sizes, rank), scalar_type(dtype));
    if (made.numel() > 0) std::memcpy(made.mutable_data_ptr(), bytes, made.nbytes());
    return made;
  });
}

ct_tensor *ct_view_bytes(void *bytes, ct_dtype dtype, const int64_t *sizes, const int64_t *strides, int32_t rank) {
  return tensor([&] { return at::from_blob(bytes, list(sizes, rank), list(strides, rank), scalar_type(dtype)); });
}

ct_tensor *ct_full(double value, ct_dtype dtype, const int64_t *sizes, int32_t rank) {
  return tensor([&] { return at::full(list(sizes, rank), value, scalar_type(dtype)); });
}

ct_tensor *ct_eye(int64_t n, ct_dtype dtype) {
  return tensor([&] { return at::eye(n, scalar_type(dtype)); });
}

ct_generator *ct_generator_new(uint64_t seed) {
  return reinterpret_cast<ct_generator *>(new at::Generator(at::detail::createCPUGenerator(seed)));
}
void ct_generator_free(ct_generator *g) { delete reinterpret_cast<at::Generator *>(g); }

ct_tensor *ct_randn(ct_generator *g, ct_dtype dtype, const int64_t *sizes, int32_t rank) {
  return tensor([&] { return at::randn(list(sizes, rank), generator(g), scalar_type(dtype)); });
}
ct_tensor *ct_rand(ct_generator *g, ct_dtype dtype, const int64_t *sizes, int32_t rank) {
  return tensor([&] { return at::rand(list(sizes, rank), generator(g), scalar_type(dtype)); });
}

int32_t ct_rank(const ct_tensor *t) { return static_cast<int32_t>(in(t).dim()); }
void ct_sizes(const ct_tensor *t, int64_t *out) {
  auto sizes = in(t).sizes();
  std::copy(sizes.begin(), sizes.end(), out);
}
void ct_strides(const ct_tensor *t, int64_t *out) {
  auto strides = in(t).strides();
  std::copy(strides.begin(), strides.end(), out);
}
int32_t ct_dtype_of(const ct_tensor *t) {
  switch (in(t).scalar_type()) {
    case at::kFloat: return CT_FLOAT32;
    case at::kDouble: return CT_FLOAT64;
    case at::kBFloat16: return CT_BFLOAT16;
    case at::kLong: return CT_INT64;
    case at::kByte: return CT_UINT8;
    case at::kHalf: return CT_FLOAT16;
    default: return -1;
  }
}

bool ct_read_bytes(const ct_tensor *t, void *out, size_t count) {
  return done([&] {
    auto plain = in(t).detach().to(at::kCPU).contiguous();
    TORCH_CHECK(plain.nbytes() == count, "a tensor of ", plain.nbytes(), " bytes read into ", count);
    if (count > 0) std::memcpy(out, plain.const_data_ptr(), count);
  });
}

double ct_item(const ct_tensor *t) {
  return protect(std::numeric_limits<double>::quiet_NaN(), [&] { return in(t).item().toDouble(); });
}
ct_tensor *ct_to(const ct_tensor *t, ct_dtype dtype) {
  return tensor([&] { return in(t).to(scalar_type(dtype)); });
}
ct_tensor *ct_clone(const ct_tensor *t) {
  return tensor([&] { return in(t).clone(); });
}
ct_tensor *ct_contiguous(const ct_tensor *t) {
  return tensor([&] { return in(t).contiguous(); });
}
ct_tensor *ct_channels_last(const ct_tensor *t) {
  return tensor([&] { return in(t).contiguous(at::MemoryFormat::ChannelsLast); });
}
ct_tensor *ct_detach(const ct_tensor *t) {
  return tensor([&] { return in(t).detach(); });
}
