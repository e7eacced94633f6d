// Convolutions, forward and backward, and those made ready for use, against libtorch in float64.
#include "check.h"

namespace arm {
namespace {
struct Case {
  int64_t units, channels;
  std::vector<int64_t> kernel, image, stride = {1, 1}, padding = {0, 0}, dilation = {1, 1};
  int64_t groups = 1;

  ct_convolution how() const {
    return {{stride[0], stride[1]}, {padding[0], padding[1]}, {dilation[0], dilation[1]}, groups};
  }
  std::string name() const {
    auto pair = [](const std::vector<int64_t> &v) { return std::to_string(v[0]) + "x" + std::to_string(v[1]); };
    return std::to_string(channels) + " to " + std::to_string(units) + ", kernel " + pair(kernel) + ", image " +
           pair(image) + ", stride " + pair(stride) + ", padding " + pair(padding) + ", dilation " + pair(dilation) +
           ", groups " + std::to_string(groups);
  }
};

const std::vector<Case> cases = {
    {16, 16, {3, 3}, {16, 16}, {1, 1}, {1, 1}},
    {32, 16, {3, 3}, {16, 16}, {2, 2}, {1, 1}},
    {48, 5, {1, 1}, {7, 7}},
    {40, 7, {1, 1}, {9, 10}, {2, 2}},
    {24, 3, {1, 1}, {8, 8}, {2, 2}},
    {7, 33, {3, 1}, {8, 8}, {1, 1}, {1, 0}},
    {17, 4, {1, 3}, {8, 11}, {1, 2}, {0, 1}},
    {5, 3, {3, 5}, {14, 13}, {2, 1}, {2, 4}, {2, 2}},
    {1, 1, {1, 1}, {1, 1}},
    {33, 2, {4, 4}, {4, 4}},
    {6, 1, {5, 5}, {28, 28}, {1, 1}, {2, 2}},
    {12, 32, {3, 1}, {16, 16}, {2, 1}, {1, 0}},
    {27, 18, {3, 3}, {8, 8}, {1, 1}, {2, 2}, {2, 2}},
    {72, 64, {3, 3}, {6, 6}, {1, 1}, {1, 1}},
    {8, 8, {3, 3}, {9, 9}, {1, 1}, {1, 1}, {1, 1}, 8},
    {16, 8, {3, 3}, {9, 9}, {1, 1}, {1, 1}, {1, 1}, 2},
};

/// Output and the gradients of images, weight and bias, of values rounded to `origin`.
std::vector<Tensor> trained(const Case &c, ct_dtype dtype, ct_dtype origin, bool channels_last) {
  Random random(3);
  auto rounded = [&](const std::vector<int64_t> &sizes) { return random.normal(sizes).to(origin).to(dtype); };
  Tensor x = rounded({3, c.channels, c.image[0], c.image[1]});
  if (channels_last) x = x.channels_last();
  x = x.leaf();
  const Tensor weight = rounded({c.units, c.channels / c.groups, c.kernel[0], c.kernel[1]}).channels_last().leaf();
  const Tensor bias = rounded({c.units}).leaf();
  const ct_convolution how = c.how();
  const Tensor y = ct_conv2d(x, weight, bias, &how);
  const Tensor weights = rounded(y.sizes());
  std::vector<Tensor> result = {ct_detach(y)};
  for (const auto &g : gradients(y, weights, {x, weight, bias})) result.push_back(g);
  return result;
}

void compare(const std::vector<Tensor> &found, const std::vector<Tensor> &expected, double tolerance,
             const std::string &name) {
  static const char *const names[] = {"output", "dx", "dweight", "dbias"};
  for (size_t i = 0; i < found.size(); i++) expect_near(found[i], expected[i], tolerance, name + ", " + names[i]);
}

struct Ready {
  Tensor x, weight, bias, addend, plain, added, bare;

  Ready(const Case &c, int64_t batch) {
    Random random(5);
    const ct_convolution how = c.how();
    x = random.normal({batch, c.channels, c.image[0], c.image[1]}).channels_last();
    weight = random.normal({c.units, c.channels / c.groups, c.kernel[0], c.kernel[1]});
    bias = random.normal({c.units});
    const Tensor x64 = x.to(CT_FLOAT64), weight64 = weight.to(CT_FLOAT64), bias64 = bias.to(CT_FLOAT64);
    plain = ct_conv2d(x64, weight64, bias64, &how);
    bare = ct_relu(Tensor(ct_conv2d(x64, weight64, nullptr, &how)));
    addend = random.normal(plain.sizes()).channels_last();
    added = ct_relu(Tensor(ct_add(plain, addend.to(CT_FLOAT64))));
  }
};

void compare_packed(const Case &c, const Ready &given) {
  const ct_convolution how = c.how();
  const auto sizes = given.x.sizes();
  const Tensor packed = ct_pack_weight(given.weight, &how, sizes.data());
  const std::string name = "packed convolution of " + c.name();
  auto run = [&](const ct_tensor *addend, const ct_tensor *bias, bool relu) -> Tensor {
    return ct_packed_convolution(given.x, addend, packed, bias, &how, relu);
  };
  expect_near(run(nullptr, given.bias, false), given.plain, 2e-6, name);
  expect_near(run(given.addend, given.bias, true), given.added, 2e-6, name + ", added and rectified");
  expect_near(run(nullptr, nullptr, true), given.bare, 2e-6, name + ", rectified");
}

ct_direct_weights direct(const Tensor &packed, const std::vector<int64_t> &sizes, const ct_convolution &how) {
  return {packed, {sizes[0], sizes[1], sizes[2], sizes[3]}, how};
}

void compare_direct(const Case &c, const Ready &given) {
  const Tensor with = ct_direct_weight(given.weight, given.bias), without = ct_direct_weight(given.weight, nullptr);
  const std::string name = "direct convolution of " + c.name();
  auto run = [&](const Tensor &packed, bool adds, bool relu) -> Tensor {
    const auto own = direct(packed, given.weight.sizes(), c.how());
    const ct_direct_step step = {own, own, /*is_pair=*/false, relu, 0, adds ? 1 : -1};
    const ct_tensor *const inputs[] = {given.x, given.addend};
    return ct_direct_convolutions(inputs, 2, &step, 1, nullptr, nullptr);
  };
  expect_near(run(with, false, false), given.plain, 2e-6, name);
  expect_near(run(with, true, true), given.added, 2e-6, name + ", added and rectified");
  expect_near(run(without, false, true), given.bare, 2e-6, name + ", rectified");
}

/// Two convolutions as one, of which the second reads what the first makes.
void compare_pair() {
  Random random(9);
  const Tensor x = random.normal({3, 16, 12, 12}).channels_last();
  const Tensor first = random.normal({9, 16, 3, 1}), second = random.normal({20, 9, 1, 3}), bias = random.normal({20});
  const ct_convolution vertical = {{1, 1}, {1, 0}, {1, 1}, 1}, horizontal = {{1, 1}, {0, 1}, {1, 1}, 1};
  const Tensor before = ct_direct_weight(first, nullptr), after = ct_direct_weight(second, bias);
  const ct_direct_step step = {direct(after, second.sizes(), horizontal),
                               direct(before, first.sizes(), vertical),
                               /*is_pair=*/true,
                               /*relu=*/true,
                               0,
                               -1};
  const ct_tensor *const inputs[] = {x};
  const Tensor found = ct_direct_convolutions(inputs, 1, &step, 1, nullptr, nullptr);
  const Tensor between = ct_conv2d(x.to(CT_FLOAT64), first.to(CT_FLOAT64), nullptr, &vertical);
  const Tensor plain = ct_conv2d(between, second.to(CT_FLOAT64), bias.to(CT_FLOAT64), &horizontal);
  expect_near(found, ct_relu(plain), 2e-6, "a pair of direct convolutions");
}
}  // namespace

void check_convolutions() {
  for (const auto &c : cases) {
    for (bool channels_last : {false, true}) {
      compare(trained(c, CT_FLOAT32, CT_FLOAT32, channels_last), trained(c, CT_FLOAT64, CT_FLOAT32, channels_last),
              2e-6, "convolution of " + c.name() + (channels_last ? ", channels last" : ""));
    }
    std::vector<Tensor> half;
    under(ct_autocast, [&] { half = trained(c, CT_FLOAT32, CT_BFLOAT16, true); });
    compare(half, trained(c, CT_FLOAT64, CT_BFLOAT16, true), 2e-2, "convolution under autocast of " + c.name());
  }
}

void check_ready_convolutions() {
  for (const auto &c : cases) {
    for (int64_t batch : {1, 3}) {
      const Ready given(c, batch);
      if (ct_packs_convolutions()) compare_packed(c, given);
      if (has_kernels() && c.groups == 1) compare_direct(c, given);
    }
  }
  if (has_kernels()) compare_pair();
}
}  // namespace arm
