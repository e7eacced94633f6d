#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>

#include "protect.h"

using namespace ct;

/// CUDA's half of libtorch registers itself when it is loaded; a program that was linked without it loads it here.
static bool has_cuda() {
  static const bool found = [] {
#ifdef __linux__
    dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL);
#endif
    return at::globalContext().hasCUDA();
  }();
  return found;
}

int32_t ct_cuda_devices(void) {
  return protect(0, [] { return has_cuda() ? static_cast<int32_t>(at::detail::getCUDAHooks().deviceCount()) : 0; });
}

int32_t ct_device_of(const ct_tensor *t) {
  auto device = in(t).device();
  return device.is_cuda() ? static_cast<int32_t>(device.index()) : -1;
}

ct_tensor *ct_to_device(const ct_tensor *t, int32_t device) {
  return tensor([&] {
    auto target = device < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device));
    return in(t).to(target);
  });
}
