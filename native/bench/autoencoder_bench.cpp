#include "bench/autoencoder_bench.h"

#include <c10/core/GradMode.h>

#include "bench/drawn_weights.h"
#include "bench/run.h"
#include "core/rng.h"
#include "models/decoders/conv_decoder.h"
#include "models/encoders/dinov3.h"
#include "plain/plain_decoder.h"
#include "plain/plain_encoder.h"

namespace svg {
namespace {

struct AutoencoderRow {
  int64_t px;
  at::ScalarType dtype;
};

const std::vector<AutoencoderRow> kAutoencoderRows = {
    {256, at::kFloat}, {512, at::kFloat}, {256, at::kBFloat16}, {512, at::kBFloat16}};

std::string name_of(const char* part, const AutoencoderRow& row) {
  return std::string(part) + "-" + std::to_string(row.px) + (row.dtype == at::kFloat ? "-fp32" : "-bf16");
}

/// Rows whose name holds `only`, each by `body`.
template <typename Body>
Json rows_of(const char* part, const std::string& only, int64_t repeats, Body body) {
  c10::NoGradGuard no_grad;
  Json rows = Json::array();
  for (const AutoencoderRow& row : kAutoencoderRows) {
    const std::string name = name_of(part, row);
    if (name.find(only) != std::string::npos) rows.push_back(body(name, row, repeats));
  }
  return Json::object().set("rows", std::move(rows));
}

}  // namespace

Json bench_encoder(const std::string& only, int64_t repeats, at::Device device) {
  return rows_of(
      "encoder", only, repeats, [device](const std::string& name, const AutoencoderRow& row, int64_t repeats) {
        const Dinov3Config config = Dinov3Config::preset("vits16plus");
        const Weights weights = drawn_weights(
            row.dtype, [&](const Weights& source) { Dinov3(source, config); }, device);
        const Dinov3 encoder(weights, config);
        const at::Tensor image = at::randn({1, 3, row.px, row.px}, seeded_generator(1), at::TensorOptions()).to(device);
        return compare(
            name, repeats, [&] { return encoder(image).patches; }, [&] { return plain_encode(weights, config, image); },
            device);
      });
}

Json bench_decoder(const std::string& only, int64_t repeats, at::Device device) {
  return rows_of(
      "decoder", only, repeats, [device](const std::string& name, const AutoencoderRow& row, int64_t repeats) {
        const ConvDecoderConfig config;
        const Weights weights = drawn_weights(
            row.dtype, [&](const Weights& source) { ConvDecoder(source, config); }, device);
        const ConvDecoder decoder(weights, config);
        const int64_t side = row.px / config.scale();
        const at::Tensor latent =
            at::randn({1, config.z_channels, side, side}, seeded_generator(1), at::TensorOptions()).to(device);
        return compare(
            name, repeats, [&] { return decoder(latent); }, [&] { return plain_decode(weights, config, latent); },
            device);
      });
}

}  // namespace svg
