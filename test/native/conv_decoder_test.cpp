#include "models/decoders/conv_decoder.h"

#include <c10/core/GradMode.h>

#include "golden.h"

using namespace svg;
using namespace svg::test;

namespace {

ConvDecoderConfig tiny() {
  ConvDecoderConfig config;
  config.ch = 32;
  config.ch_mult = {1, 2};
  config.num_res_blocks = 1;
  config.z_channels = 6;
  return config;
}

std::shared_ptr<TrainableSource> fresh() {
  return std::make_shared<TrainableSource>(TensorMap{}, at::detail::createCPUGenerator(3));
}

}  // namespace

TEST_CASE("conv_decoder agrees with the reference in full size") { expect_golden("full-conv-decoder"); }

TEST_CASE("conv_decoder reads its configuration off the weights") {
  const auto source = fresh();
  const ConvDecoder decoder(Weights(source), tiny());
  const Weights stored(std::make_shared<MapSource>(source->parameters(), "test weights"));
  const ConvDecoderConfig got = ConvDecoderConfig::infer(stored);
  EXPECT(got.same_network(tiny()));
  EXPECT(got.describe() == "32x[1,2], 1 blocks, 6 latent channels");
  EXPECT(got.scale() == 2);
  EXPECT(source->parameters().count("up.1.attn.1.proj_out.weight") == 1);  // attention at the lowest level
  EXPECT(source->parameters().count("up.0.block.0.nin_shortcut.weight") == 1);
}

TEST_CASE("conv_decoder has attention where the weights have it: at no level, or at several") {
  for (const std::vector<int64_t>& levels : {std::vector<int64_t>{}, std::vector<int64_t>{0, 1}}) {
    ConvDecoderConfig config = tiny();
    config.attention_levels = levels;
    const auto source = fresh();
    const ConvDecoder decoder(Weights(source), config);
    const auto& made = source->parameters();
    EXPECT(made.count("up.1.attn.0.q.weight") == levels.size() / 2 &&
           made.count("up.0.attn.1.q.weight") == levels.size() / 2);
    EXPECT(made.count("mid.attn_1.q.weight") == 1);
    const Weights stored(std::make_shared<MapSource>(made, "test weights"));
    const ConvDecoderConfig got = ConvDecoderConfig::infer(stored);
    EXPECT(got.same_network(config) && !got.same_network(tiny()));
    EXPECT(conv_decoder_kind().from_json(conv_decoder_kind().infer(stored, {}, {}).dimensions).dimensions.dump() ==
           conv_decoder_kind().infer(stored, {}, {}).dimensions.dump());
    c10::NoGradGuard no_grad;
    const at::Tensor latent = at::randn({1, 6, 3, 5}, at::kFloat);
    EXPECT(at::equal(decoder(latent), ConvDecoder(stored, got)(latent)));
  }
}

TEST_CASE("conv_decoder: one network whose attention is written in several ways has the same dimensions") {
  const auto plan = [](const char* levels) {
    Json json = Json::parse(R"({"ch": 32, "ch_mult": [1, 2], "num_res_blocks": 1, "z_channels": 6})");
    if (*levels) json.set("attn_levels", Json::parse(levels));
    return conv_decoder_kind().from_json(json);
  };
  EXPECT(plan("[1]").dimensions.dump() == plan("").dimensions.dump());
  EXPECT(plan("[1, 0, 1]").dimensions.dump() == plan("[0, 1]").dimensions.dump());
  EXPECT(plan("[0, 1]").description == plan("").description + ", attention at levels [0,1]");
  EXPECT(plan("[]").description == plan("").description + ", attention at no level");
  EXPECT_ERROR(plan("[2]"), ErrorCode::kInvalidConfig, "attention at level 2 of 2");
}

TEST_CASE("conv_decoder gives each image of a batch what it gives it alone") {
  const ConvDecoder decoder(Weights(fresh()), tiny());
  c10::NoGradGuard no_grad;
  const at::Tensor latent = at::randn({2, 6, 3, 5}, at::kFloat);
  const at::Tensor both = decoder(latent);
  EXPECT(both.size(2) == 6 && both.size(3) == 10);
  EXPECT_CLOSE((both.slice(0, 1) - decoder(latent.slice(0, 1))).abs().max().item<double>(), 0, 1e-5);
}

TEST_CASE("conv_decoder passes gradients to the latent and to every parameter") {
  const auto source = fresh();
  const ConvDecoder decoder(Weights(source), tiny());
  const at::Tensor latent = at::randn({1, 6, 2, 2}, at::kFloat).requires_grad_(true);
  decoder(latent).square().sum().backward();
  EXPECT(latent.grad().defined());
  for (const auto& [name, parameter] : source->parameters()) EXPECT(parameter.grad().defined());
}

TEST_CASE("conv_decoder gives the same pixels and gradients by fast operations and by the reference's") {
  const auto source = fresh();
  const ConvDecoder fast(Weights(source), tiny());
  const ConvDecoder reference(Weights(source), tiny(), ConvDecoder::Operations::kReference);
  const at::Tensor latent = at::randn({2, 6, 3, 5}, at::kFloat).requires_grad_(true);
  const at::Tensor wanted = reference(latent), got = fast(latent);
  EXPECT_CLOSE((got - wanted).abs().max().item<double>(), 0, 1e-5);
  wanted.square().sum().backward();
  const at::Tensor gradient = latent.grad();
  latent.mutable_grad() = at::Tensor();
  got.square().sum().backward();
  EXPECT_CLOSE((latent.grad() - gradient).norm().item<double>() / gradient.norm().item<double>(), 0, 1e-5);
}

TEST_CASE(
    "conv_decoder without gradients gives the pixels of the reference's operations, where tiles are many and odd") {
  const auto source = fresh();
  const ConvDecoder fast(Weights(source), tiny());
  const ConvDecoder reference(Weights(source), tiny(), ConvDecoder::Operations::kReference);
  c10::NoGradGuard no_grad;
  const at::Tensor latent = at::randn({2, 6, 33, 47}, at::kFloat);
  const at::Tensor wanted = reference(latent);
  EXPECT_CLOSE((fast(latent) - wanted).abs().max().item<double>() / wanted.abs().max().item<double>(), 0, 2e-5);
}

TEST_CASE("conv_decoder refuses latents and configurations that do not fit") {
  const ConvDecoder decoder(Weights(fresh()), tiny());
  EXPECT_ERROR(decoder(at::zeros({1, 7, 2, 2})), ErrorCode::kInvalidArgument, "(batch, 6, height, width)");
  ConvDecoderConfig odd = tiny();
  odd.ch = 20;
  EXPECT_ERROR(ConvDecoder(Weights(fresh()), odd), ErrorCode::kInvalidConfig, "multiple of 32");
}
