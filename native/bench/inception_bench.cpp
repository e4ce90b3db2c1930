#include "bench/inception_bench.h"

#include <c10/core/GradMode.h>

#include <cmath>

#include "bench/run.h"
#include "core/rng.h"
#include "models/inception/inception.h"
#include "plain/plain_inception.h"

namespace svg {
namespace {

const char* const kInceptionRow = "eval-inception";
constexpr int64_t kBenchPictures = 32, kPictureSide = 256;

/// As training draws them; scaled so that features neither vanish nor explode over the layers.
Weights drawn_inception(at::Device device) {
  const auto source = std::make_shared<TrainableSource>(TensorMap{}, seeded_generator(0));
  Inception{Weights(source)};
  TensorMap drawn = source->buffers();
  for (const auto& [name, value] : source->parameters()) {
    drawn[name] = name.ends_with("conv.weight") ? value.detach() * std::sqrt(6.0) : value.detach();
  }
  return Weights(std::make_shared<MapSource>(drawn, "random weights", device));
}

}  // namespace

Json bench_inception(const std::string& only, int64_t repeats, at::Device device) {
  Json rows = Json::array();
  if (std::string(kInceptionRow).find(only) == std::string::npos) return Json::object().set("rows", std::move(rows));
  c10::NoGradGuard no_grad;
  const Weights weights = drawn_inception(device);
  const Inception network(weights);
  const at::Tensor pictures = at::randint(0, 256, {kBenchPictures, kPictureSide, kPictureSide, 3}, seeded_generator(1),
                                          at::TensorOptions().dtype(at::kByte));
  const std::vector<at::Tensor> each = pictures.unbind();
  const at::Tensor channels_first = pictures.permute({0, 3, 1, 2}).contiguous().to(device);
  Json row = compare(
      kInceptionRow, repeats, [&] { return network(inception_input(each).to(device)).pool; },
      [&] { return plain_inception(weights, channels_first); }, device);
  const auto rate = [&](const char* side) {
    row.set(side, static_cast<double>(kBenchPictures) / row.at(side).as_double());
  };
  rate("ours");
  rate("plain");
  row.set("unit", "images/s");
  rows.push_back(std::move(row));
  return Json::object().set("rows", std::move(rows));
}

}  // namespace svg
