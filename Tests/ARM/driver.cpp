// Compares the C and C++ targets with libtorch and with fixtures, on any processor. Scripts/check-arm builds it for
// aarch64 and runs it under qemu.
//
//   driver CASES OPERATIONS.safetensors IMAGES
//
// CASES is what cases.py makes of Tests/Fixtures/operations.json, IMAGES the folder Tests/DatasetsTests/Fixtures.
#include "check.h"

int main(int count, char **arguments) {
  if (count != 4) {
    std::fprintf(stderr, "usage: driver CASES OPERATIONS.safetensors IMAGES\n");
    return 64;
  }
  std::printf("libtorch %s, %s; own convolutions %s, bfloat16 %s, oneDNN's %s\n", ct_version(), ct_cpu_capability(),
              arm::has_kernels() ? "yes" : "no", ct_multiplies_bfloat16() ? "yes" : "no",
              ct_packs_convolutions() ? "yes" : "no");
  const std::pair<const char *, std::function<void()>> parts[] = {
      {"images", [&] { arm::check_images(arguments[3]); }},
      {"fixtures", [&] { arm::check_fixtures(arguments[1], arguments[2]); }},
      {"norms", arm::check_norms},
      {"convolutions", arm::check_convolutions},
      {"convolutions made ready", arm::check_ready_convolutions},
      {"optimisers", arm::check_optimizers},
      {"linear algebra", arm::check_linear_algebra},
  };
  for (const auto &[name, part] : parts) {
    const int before = arm::passed + arm::failed;
    try {
      part();
    } catch (const std::exception &error) {
      arm::expect(false, std::string(name) + " ended with: " + error.what());
    }
    std::printf("%s: %d checks\n", name, arm::passed + arm::failed - before);
    std::fflush(stdout);
  }
  arm::expect(ct_live() == 0, std::to_string(ct_live()) + " tensors were not given back");
  std::printf("%d passed, %d failed\n", arm::passed, arm::failed);
  return arm::failed == 0 ? 0 : 1;
}
