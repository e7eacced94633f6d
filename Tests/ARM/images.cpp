// Decoders against what Pillow decoded (Tests/DatasetsTests/Fixtures/make_fixtures.py), and what they do with damage.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>

#include "check.h"

extern "C" {
#include "CImages.h"
}

namespace arm {
namespace {
using Bytes = std::vector<uint8_t>;
using Image = std::unique_ptr<ci_image, void (*)(ci_image *)>;
constexpr int64_t most_pixels = 100'000'000;

Bytes bytes(const std::filesystem::path &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Image decoded(const Bytes &file, int32_t channels, ci_error &error) {
  return {ci_decode(file.data(), file.size(), channels, most_pixels, &error), ci_free};
}

void compare(const std::filesystem::path &file, const std::filesystem::path &expected, int32_t channels) {
  ci_error error;
  const Image ours = decoded(bytes(file), channels, error), theirs = decoded(bytes(expected), channels, error);
  const std::string name = file.filename().string();
  expect(ours && theirs, name + " is decoded: " + error.text);
  if (!ours || !theirs) return;
  expect(ours->width == theirs->width && ours->height == theirs->height, name + " has the size it should have");
  const size_t count = static_cast<size_t>(ours->width) * ours->height * channels;
  int worst = 0;
  for (size_t i = 0; i < count; i++) worst = std::max(worst, std::abs(ours->pixels[i] - theirs->pixels[i]));
  // Two versions of a library may round differently.
  expect(worst <= 1, name + " decodes as Pillow decodes it, off by " + std::to_string(worst));

  size_t length = 0;
  uint8_t *png = ci_encode_png(ours->pixels, ours->width, ours->height, channels, &length, &error);
  expect(png, name + " is written as PNG: " + error.text);
  if (!png) return;
  const Image again = decoded({png, png + length}, channels, error);
  std::free(png);
  expect(again && std::equal(ours->pixels, ours->pixels + count, again->pixels), name + " is read back as written");
}

/// Errors of libjpeg and libpng jump: on every processor they have to come back as a sentence.
void damage(const std::filesystem::path &file) {
  const Bytes whole = bytes(file);
  ci_error error;
  for (double share : {0.3, 0.6, 0.95}) {
    const Image image = decoded({whole.begin(), whole.begin() + static_cast<size_t>(share * whole.size())}, 3, error);
    expect(!image && error.text[0] != 0, file.filename().string() + ", truncated, is refused");
  }
  for (size_t i = 0; i < whole.size(); i += std::max<size_t>(1, whole.size() / 50)) {
    Bytes damaged = whole;
    damaged[i] ^= 0xff;
    const Image image = decoded(damaged, 3, error);
    if (!image && error.text[0] == 0) expect(false, file.filename().string() + ", damaged, is refused without a word");
  }
}
}  // namespace

void check_images(const std::string &folder) {
  const std::regex pattern("(.+)-([a-z0-9]+)-expected-(rgb|grey)\\.png");
  int files = 0;
  for (const auto &entry : std::filesystem::directory_iterator(folder)) {
    std::smatch parts;
    const std::string name = entry.path().filename().string();
    if (!std::regex_match(name, parts, pattern)) continue;
    const auto file = std::filesystem::path(folder) / (parts[1].str() + "." + parts[2].str());
    const bool is_grey = parts[3].str() == "grey";
    compare(file, entry.path(), is_grey ? 1 : 3);
    if (!is_grey) damage(file);
    files++;
  }
  expect(files > 0, folder + " holds fixtures of images");
}
}  // namespace arm
