#include <c10/core/GradMode.h>

#include "golden.h"
#include "models/decoders/rae.h"
#include "models/vit/sincos.h"

using namespace svg;
using namespace svg::test;

namespace {

RaeDecoderConfig tiny() {
  RaeDecoderConfig config;
  config.latent_channels = 12;
  config.width = 128;
  config.depth = 2;
  config.num_heads = 2;
  config.mlp_hidden = 96;
  config.patch_size = 4;
  config.grid = 3;
  return config;
}

TensorMap fresh(const RaeDecoderConfig& config) {
  const auto source = std::make_shared<TrainableSource>(TensorMap{}, at::detail::createCPUGenerator(3));
  const RaeDecoder decoder(Weights(source), config);
  TensorMap tensors = source->parameters();
  for (const auto& [name, value] : rae_decoder_buffers(config)) tensors[name] = value;
  return tensors;
}

Weights stored(TensorMap tensors) { return Weights(std::make_shared<MapSource>(std::move(tensors), "test weights")); }

/// The same under diffusers' names, where the positions are not stored.
TensorMap as_diffusers(const TensorMap& tensors) {
  const std::vector<std::pair<std::string, std::string>> names = {{".attention.attention.query.", ".attention.to_q."},
                                                                  {".attention.attention.key.", ".attention.to_k."},
                                                                  {".attention.attention.value.", ".attention.to_v."},
                                                                  {".attention.output.dense.", ".attention.to_out.0."}};
  TensorMap result;
  for (const auto& [name, value] : tensors) {
    std::string other = name;
    for (const auto& [from, to] : names) {
      if (const size_t at = other.find(from); at != std::string::npos) other.replace(at, from.size(), to);
    }
    if (name != "decoder_pos_embed") result[other] = value;
  }
  return result;
}

double largest(const at::Tensor& difference) { return difference.abs().max().item<double>(); }

}  // namespace

TEST_CASE("rae_decoder agrees with RAE's own decoder") { expect_golden("rae-decoder"); }
TEST_CASE("rae_decoder agrees with diffusers' decoder, and with RAE's on its file") {
  expect_golden("rae-decoder-diffusers-grid4");
}

TEST_CASE("rae_decoder reads its configuration off the weights") {
  const RaeDecoderConfig got = RaeDecoderConfig::infer(stored(fresh(tiny())));
  EXPECT(got.describe() == tiny().describe());
  EXPECT(got.mlp_hidden == 96);
  const RaeDecoderConfig other = RaeDecoderConfig::infer(stored(as_diffusers(fresh(tiny()))));
  EXPECT(other.depth == 2 && other.mlp_hidden == 96 && other.patch_size == 4);
}

TEST_CASE("rae_decoder knows the published sizes") {
  const RaeDecoderConfig xl = RaeDecoderConfig::from_json(Json::parse("{}"));
  EXPECT(xl.describe() == "rae 1152x28, 16 heads, 768 latent channels, cells of 16 px, trained on 16x16");
  const RaeDecoderConfig diffusers = RaeDecoderConfig::from_json(Json::parse(
      R"({"_class_name": "AutoencoderRAE", "encoder_hidden_size": 1024, "encoder_input_size": 448,
          "encoder_patch_size": 14, "encoder_norm_mean": [0.5, 0.5, 0.5], "encoder_norm_std": null})"));
  EXPECT(diffusers.grid == 32 && diffusers.latent_channels == 1024);
  EXPECT_CLOSE(diffusers.image_mean[2], 0.5, 1e-12);
  EXPECT_CLOSE(diffusers.image_std[2], 0.225, 1e-12);
}

TEST_CASE("rae_decoder gives the same pixels under both projects' names") {
  c10::NoGradGuard no_grad;
  const TensorMap tensors = fresh(tiny());
  const at::Tensor latent = at::randn({2, 12, 3, 3}, at::kFloat);
  const at::Tensor one = RaeDecoder(stored(tensors), tiny()).pixels(latent);
  const at::Tensor other = RaeDecoder(stored(as_diffusers(tensors)), tiny()).pixels(latent);
  EXPECT_CLOSE(largest(one - other), 0, 1e-6);
}

TEST_CASE("rae_decoder draws grids that it was not trained on, of any sides") {
  c10::NoGradGuard no_grad;
  RaeStatistics statistics{at::randn({12, 3, 3}, at::kFloat), at::rand({12, 3, 3}, at::kFloat) + 0.5};
  const RaeDecoder decoder(stored(fresh(tiny())), tiny(), statistics);
  const at::Tensor image = decoder.decode(at::randn({1, 12, 5, 4}, at::kFloat));
  EXPECT(image.sizes() == at::IntArrayRef({1, 3, 20, 16}));
  EXPECT(image.isfinite().all().item<bool>());
}

TEST_CASE("rae_decoder's latents are features less their mean over their deviation, cell by cell, and back") {
  c10::NoGradGuard no_grad;
  const TensorMap statistics = {{"mean", at::randn({12, 3, 3}, at::kFloat)}, {"var", at::rand({12, 3, 3}, at::kFloat)}};
  const RaeDecoder decoder(stored(fresh(tiny())), tiny(), RaeStatistics::of_variance(stored(statistics), 12, 1e-5));
  const RaeDecoder bare(stored(fresh(tiny())), tiny());
  const at::Tensor features = at::randn({2, 12, 3, 3}, at::kFloat);
  const at::Tensor latent = decoder.latent(features);
  EXPECT_CLOSE(largest(latent - (features - statistics.at("mean")) / (statistics.at("var") + 1e-5).sqrt()), 0, 1e-4);
  EXPECT_CLOSE(largest(decoder.pixels(latent) - bare.pixels(features)), 0, 1e-3);
}

TEST_CASE("rae_decoder adds diffusers' second eps where it is asked to") {
  const TensorMap buffers = {{"_latents_mean", at::zeros({12, 1, 1})}, {"_latents_std", at::full({12, 1, 1}, 1e-3)}};
  const RaeStatistics statistics = RaeStatistics::of_deviation(stored(buffers), 12);
  RaeDecoderConfig twice = tiny();
  twice.eps_twice = true;
  const at::Tensor ones = at::ones({1, 12, 2, 2});
  EXPECT_CLOSE(RaeDecoder(stored(fresh(tiny())), tiny(), statistics).latent(ones).max().item<double>(), 1000, 0.01);
  EXPECT_CLOSE(RaeDecoder(stored(fresh(tiny())), twice, statistics).latent(ones).max().item<double>(), 990.1, 0.01);
}

TEST_CASE("rae_decoder takes statistics of one number, and diffusers' scaling factor") {
  c10::NoGradGuard no_grad;
  RaeDecoderConfig config = tiny();
  const TensorMap one = {{"_latents_mean", at::full({1}, 0.5)}, {"_latents_std", at::full({1}, 2.0)}};
  const at::Tensor features = at::randn({1, 12, 3, 3}, at::kFloat);
  for (const double factor : {1.0, 0.25}) {
    config.scaling_factor = factor;
    const RaeDecoder decoder(stored(fresh(config)), config, RaeStatistics::of_deviation(stored(one), 12));
    const at::Tensor latent = decoder.latent(features);
    EXPECT_CLOSE(largest(latent - factor * (features - 0.5) / 2), 0, 1e-6);
    const RaeDecoder plain(stored(fresh(tiny())), tiny());
    EXPECT_CLOSE(largest(decoder.pixels(latent) - plain.pixels(features)), 0, 1e-4);
    EXPECT_CLOSE(largest(RaeDecoder(stored(fresh(config)), config).latent(features) - factor * features), 0, 1e-6);
  }
  EXPECT_ERROR(RaeDecoderConfig::from_json(Json::parse(R"({"scaling_factor": 0})")), ErrorCode::kInvalidConfig,
               "scaling_factor is 0");
}

TEST_CASE("rae_decoder tells by which colours its encoder's pictures are normalised, where a file says so") {
  c10::NoGradGuard no_grad;
  const auto plan = [](const TensorMap& beside, const Json& said, const Json& written = Json()) {
    TensorMap tensors = beside;
    for (const auto& [name, value] : as_diffusers(fresh(tiny()))) tensors["decoder." + name] = value;
    return rae_kind().infer(
        stored(tensors), [&] { return written; }, said);
  };
  EXPECT(!plan({}, Json()).colours);
  // That of another model, which may lie beside.
  const Json foreign = Json::parse(R"({"model_type": "siglip", "image_mean": [0.5, 0.5, 0.5]})");
  EXPECT(!plan({}, Json(), foreign).colours);
  const Json own = Json::parse(R"({"_class_name": "AutoencoderRAE", "encoder_norm_mean": [0.5, 0.5, 0.5]})");
  EXPECT(plan({}, Json(), own).colours->mean[0] == 0.5);
  const at::Tensor half = at::full({1, 3, 1, 1}, 0.5);
  const DecoderPlan of_file = plan({{"encoder_mean", half}, {"encoder_std", half / 2}}, Json());
  EXPECT(of_file.colours && of_file.colours->mean[2] == 0.5 && of_file.colours->deviation[0] == 0.25);
  const DecoderPlan of_json = plan({}, Json::parse(R"({"kind": "rae", "image_mean": [0.1, 0.2, 0.3]})"));
  EXPECT(of_json.colours && of_json.colours->mean[1] == 0.2 && of_json.colours->deviation[0] == 0.229);
}

TEST_CASE("rae_decoder passes gradients to the latent and to every parameter") {
  const auto source = std::make_shared<TrainableSource>(TensorMap{}, at::detail::createCPUGenerator(3));
  const RaeDecoder decoder(Weights(source), tiny());
  const at::Tensor latent = at::randn({1, 12, 3, 3}, at::kFloat).requires_grad_(true);
  decoder.decode(latent).square().sum().backward();
  EXPECT(latent.grad().defined());
  for (const auto& [name, parameter] : source->parameters()) EXPECT(parameter.grad().defined());
  EXPECT(decoder.last_weight().grad().defined());
}

TEST_CASE("rae_decoder refuses latents, statistics and configurations that do not fit") {
  const RaeDecoder decoder(stored(fresh(tiny())), tiny());
  EXPECT_ERROR(decoder.decode(at::zeros({1, 7, 2, 2})), ErrorCode::kInvalidArgument, "(batch, 12, height, width)");
  EXPECT_ERROR(RaeStatistics::of_variance(stored({{"var", at::ones({8, 3, 3})}}), 12, 1e-5),
               ErrorCode::kWeightsMismatch, "statistics of 12 channels");
  EXPECT_ERROR(RaeDecoderConfig::from_json(Json::parse(R"({"decoder_num_attention_heads": 7})")),
               ErrorCode::kInvalidConfig, "over 7 heads");
  EXPECT_ERROR(RaeDecoderConfig::from_json(Json::parse(R"({"encoder_input_size": 225, "encoder_patch_size": 14})")),
               ErrorCode::kInvalidConfig, "no multiple of encoder_patch_size");
  TensorMap odd = fresh(tiny());
  odd["decoder_pos_embed"] = at::zeros({1, 11, 128});
  EXPECT_ERROR(RaeDecoderConfig::infer(stored(odd)), ErrorCode::kWeightsMismatch, "no square and a class token");
  EXPECT_ERROR(RaeDecoderConfig::infer(stored({{"decoder.weight", at::zeros({1})}})), ErrorCode::kWeightsMismatch,
               "no decoder of a representation autoencoder");
}

TEST_CASE("sincos_positions tell the column first, then the row, sines before cosines") {
  const at::Tensor table = sincos_positions(8, 2, 3);
  EXPECT(table.sizes() == at::IntArrayRef({6, 8}));
  const at::Tensor last = table[5];  // row 1, column 2
  EXPECT_CLOSE(last[0].item<double>(), std::sin(2.0), 1e-6);
  EXPECT_CLOSE(last[1].item<double>(), std::sin(0.02), 1e-6);
  EXPECT_CLOSE(last[2].item<double>(), std::cos(2.0), 1e-6);
  EXPECT_CLOSE(last[4].item<double>(), std::sin(1.0), 1e-6);
  EXPECT_ERROR(sincos_positions(6, 2, 2), ErrorCode::kInvalidConfig, "multiple of 4");
}
