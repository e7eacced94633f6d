// What PyTorch gave on another machine (Tests/Fixtures/operations.py), by the shim's functions.
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "check.h"

namespace arm {
namespace {
/// One line of cases.py: words, then `key=value` with lists by commas.
struct Line {
  std::string kind, name, operation;
  std::map<std::string, std::string> settings;

  explicit Line(const std::string &text) {
    std::istringstream words(text);
    words >> kind >> name >> operation;
    for (std::string word; words >> word;) {
      const auto equals = word.find('=');
      settings[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }

  std::vector<std::string> list(const std::string &key) const {
    std::vector<std::string> result;
    const auto found = settings.find(key);
    if (found == settings.end()) return result;
    std::istringstream parts(found->second);
    for (std::string part; std::getline(parts, part, ',');) result.push_back(part);
    return result;
  }
  std::vector<int64_t> integers(const std::string &key) const {
    std::vector<int64_t> result;
    for (const auto &part : list(key)) result.push_back(std::stoll(part));
    return result;
  }
  double number(const std::string &key) const { return std::stod(settings.at(key)); }
  bool flag(const std::string &key) const { return settings.at(key) == "1"; }
};

std::string bytes(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + " cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

class Fixtures {
 public:
  Fixtures(const std::string &cases, const std::string &tensors) : data(bytes(tensors)) {
    uint64_t header;
    std::memcpy(&header, data.data(), sizeof header);
    std::istringstream lines(bytes(cases));
    for (std::string text; std::getline(lines, text);) {
      const Line line(text);
      if (line.kind == "case") {
        all.push_back(line);
      } else {
        const auto sizes = line.integers("sizes");
        const auto *from = data.data() + sizeof header + header + line.integers("offset")[0];
        given[line.name] = ct_copy_bytes(from, CT_FLOAT32, sizes.data(), static_cast<int32_t>(sizes.size()));
      }
    }
  }

  void check() {
    for (const auto &line : all) {
      std::vector<Tensor> inputs;
      for (const char *role : {"inputs", "parameters"}) {
        for (const auto &key : line.list(role)) inputs.push_back(given.at(line.name + "." + key));
      }
      const auto made = outputs(line, inputs);
      if (made.empty()) {
        skipped++;
        continue;
      }
      const auto names = line.list("outputs");
      for (size_t i = 0; i < names.size(); i++) {
        expect_near(made[i], given.at(line.name + "." + names[i]), 2e-6, "fixture " + line.name + ", " + names[i]);
      }
    }
    if (skipped > 0) std::printf("%d fixtures are of operations that the shim alone does not have\n", skipped);
  }

 private:
  std::string data;
  std::vector<Line> all;
  std::map<std::string, Tensor> given;
  int skipped = 0;

  static ct_pooling pooling(const Line &line) {
    const auto kernel = line.integers("kernel_size"), stride = line.integers("stride"),
               padding = line.integers("padding");
    const bool counts = line.settings.count("count_include_pad") > 0 && line.flag("count_include_pad");
    return {{kernel[0], kernel[1]}, {stride[0], stride[1]}, {padding[0], padding[1]}, line.flag("ceil_mode"), counts};
  }

  static Tensor sliced(const Line &line, Tensor x) {
    const auto dims = line.integers("dim"), start = line.integers("start"), end = line.integers("end"),
               step = line.integers("step");
    for (size_t i = 0; i < dims.size(); i++) x = ct_slice(x, dims[i], start[i], end[i], step[i]);
    return x;
  }

  /// Empty where the shim has no function for it.
  static std::vector<Tensor> outputs(const Line &line, const std::vector<Tensor> &in) {
    const auto &operation = line.operation;
    if (operation == "conv2d") {
      const auto stride = line.integers("stride"), padding = line.integers("padding"),
                 dilation = line.integers("dilation");
      const ct_convolution how = {
          {stride[0], stride[1]}, {padding[0], padding[1]}, {dilation[0], dilation[1]}, line.integers("groups")[0]};
      return {ct_conv2d(in[0].channels_last(), in[1], in.size() > 2 ? in[2] : Tensor(), &how)};
    }
    if (operation == "linear") return {ct_linear(in[0], in[1], in.size() > 2 ? in[2] : Tensor())};
    if (operation == "batch_norm") {
      const bool training = line.flag("training");
      const Tensor mean = ct_clone(in[3]), variance = ct_clone(in[4]);
      const Tensor y = ct_batch_norm(in[0], in[1], in[2], mean, variance, training,
                                     training ? line.number("momentum") : 0.1, line.number("eps"));
      return {y, mean, variance};
    }
    if (operation == "relu") return {ct_relu(in[0])};
    if (operation == "leaky_relu") return {ct_leaky_relu(in[0], line.number("negative_slope"))};
    if (operation == "relu6") return {ct_hardtanh(in[0], 0, 6)};
    if (operation == "elu") return {ct_elu(in[0], line.number("alpha"))};
    if (operation == "sigmoid") return {ct_sigmoid(in[0])};
    if (operation == "tanh") return {ct_tanh(in[0])};
    if (operation == "softmax") return {ct_softmax(in[0], line.integers("dim")[0])};
    if (operation == "max_pool2d" || operation == "avg_pool2d") {
      const ct_pooling how = pooling(line);
      return {operation == "max_pool2d" ? ct_max_pool2d(in[0], &how) : ct_avg_pool2d(in[0], &how)};
    }
    if (line.name == "global_avg_pool2d") return {ct_global_avg_pool(in[0])};
    if (operation == "add") return {ct_add(in[0], in[1])};
    if (operation == "mul") return {ct_mul(in[0], in[1])};
    if (operation == "concatenate") {
      const ct_tensor *const parts[] = {in[0], in[1]};
      return {ct_cat(parts, 2, line.integers("dim")[0])};
    }
    if (operation == "reshape") {
      const auto shape = line.integers("shape");
      return {ct_reshape(in[0], shape.data(), static_cast<int32_t>(shape.size()))};
    }
    if (operation == "slice") return {sliced(line, in[0])};
    if (operation == "pad") {
      const auto pads = line.integers("pad");
      return {ct_pad(in[0], pads.data(), static_cast<int32_t>(pads.size()))};
    }
    return {};
  }
};
}  // namespace

void check_fixtures(const std::string &cases, const std::string &tensors) { Fixtures(cases, tensors).check(); }
}  // namespace arm
