#include "models/autoencoder.h"

#include "golden.h"
#include "models/catalogue.h"

using namespace svg;
using namespace svg::test;

namespace {

using Files = AutoencoderFiles;

Weights of(TensorMap tensors) { return Weights(std::make_shared<MapSource>(std::move(tensors), "test weights")); }

TensorMap without(const TensorMap& tensors, const std::string& prefix) {
  TensorMap rest;
  for (const auto& [name, value] : tensors) {
    if (name.rfind(prefix, 0) != 0) rest[name] = value;
  }
  return rest;
}

TensorMap below(const TensorMap& tensors, const std::string& prefix) {
  TensorMap part;
  for (const auto& [name, value] : tensors) {
    if (name.rfind(prefix, 0) == 0) part[name.substr(prefix.size())] = value;
  }
  return part;
}

double largest(const at::Tensor& difference) { return difference.abs().max().item<double>(); }

}  // namespace

TEST_CASE("autoencoder agrees with the reference: R, with aligned residual features") {
  expect_golden("autoencoder-r");
}

TEST_CASE("autoencoder takes the encoder from the checkpoint or from a file of its own") {
  const GoldenCase golden(golden_folder("autoencoder-r"));
  const TensorMap all = golden.weight_map();
  const AutoencoderConfig config = AutoencoderConfig::from_json(golden.config());
  const at::Tensor image = golden.input("image");
  const at::Tensor want = Autoencoder(Files{of(all)}, config).encode(image);
  const Autoencoder apart(Files{of(without(all, "encoder.")), of(below(all, "encoder."))}, config);
  EXPECT(at::equal(apart.encode(image), want));
}

TEST_CASE("autoencoder decodes without an encoder, and says why it cannot encode") {
  const GoldenCase golden(golden_folder("autoencoder-r"));
  const Autoencoder decoder(Files{of(without(golden.weight_map(), "encoder."))},
                            AutoencoderConfig::from_json(golden.config()));
  EXPECT(!decoder.can_encode());
  EXPECT(decoder.decode(golden.output("latent")).sizes() == golden.output("reconstruction").sizes());
  EXPECT_ERROR(decoder.encode(golden.input("image")), ErrorCode::kNotLoaded, "without an encoder");
}

TEST_CASE("autoencoder tells P and R apart") {
  const GoldenCase golden(golden_folder("autoencoder-r"));
  const TensorMap all = golden.weight_map();
  AutoencoderConfig config = AutoencoderConfig::from_json(golden.config());
  EXPECT_ERROR(Autoencoder(Files{of(without(all, "extra_vit."))}, config), ErrorCode::kWeightsMismatch,
               "the checkpoint is an Autoencoder-P");
  Json narrower = config.decoder.dimensions;
  config.decoder = decoder_plan(narrower.set("z_channels", 48));
  EXPECT_ERROR(Autoencoder(Files{of(all)}, config), ErrorCode::kWeightsMismatch, "56 latent channels");
  config.residual.reset();
  EXPECT_ERROR(Autoencoder(Files{of(all)}, config), ErrorCode::kWeightsMismatch, "the checkpoint is an Autoencoder-R");
}

TEST_CASE("autoencoder refuses channels that do not add up") {
  const GoldenCase golden(golden_folder("autoencoder-r"));
  AutoencoderConfig config = AutoencoderConfig::from_json(golden.config());
  config.residual = residual_plan(Json(config.residual->dimensions).set("output_dim", 4));
  EXPECT_ERROR(Autoencoder(Files{golden.weights()}, config), ErrorCode::kInvalidConfig, "48 + 4 channels");
}

TEST_CASE("autoencoder reads its configuration off the checkpoint") {
  const GoldenCase golden(golden_folder("autoencoder-r"));
  const AutoencoderConfig got = AutoencoderConfig::infer(Files{golden.weights()});
  EXPECT(got.encoder && got.encoder->channels == 48 && got.encoder->dimensions.at("num_heads").as_int() == 3);
  EXPECT(got.residual && got.residual->channels == 8);
  EXPECT(got.decoder.dimensions.dump() == AutoencoderConfig::from_json(golden.config()).decoder.dimensions.dump());
}

TEST_CASE("autoencoder refuses tensors that are no part of it, but for those that published files have beside") {
  const GoldenCase golden(golden_folder("autoencoder-r"));
  TensorMap weights = golden.weight_map();
  const auto build = [&](const std::optional<Weights>& encoder = std::nullopt) {
    const Files files{of(weights), encoder};
    const AutoencoderConfig config = AutoencoderConfig::from_json(golden.config());
    Autoencoder(files, config);
    Autoencoder::refuse_unknown(files, config);
  };
  for (const char* name : {"loss.perceptual_loss.net.x", "norm_vit.weight", "extra_vit.head.weight", "mask_token",
                           "encoder.mask_token", "encoder.blocks.0.attn.qkv.bias_mask", "model_ema.decoderconv_in"}) {
    if (!weights.count(name)) weights[name] = at::ones({144});
  }
  build();
  for (const char* name :
       {"decoder.conv_in.lora_A.weight", "encoder.foo", "extra_vit.blocks.0.attn.x", "post.weight"}) {
    weights[name] = at::ones({1});
    EXPECT_ERROR(build(), ErrorCode::kWeightsMismatch, name);
    weights.erase(name);
  }
  // An encoder of its own is looked through as well, and comes before the one inside.
  TensorMap own;
  for (const auto& [name, tensor] : weights) {
    if (name.rfind("encoder.", 0) == 0) own[name.substr(8)] = tensor;
  }
  build(of(own));
  own["stranger"] = at::ones({1});
  EXPECT_ERROR(build(of(own)), ErrorCode::kWeightsMismatch, "stranger");
  weights["decoder.conv_in.weight"] = weights.at("decoder.conv_in.weight").to(at::kChar);
  EXPECT_ERROR(build(), ErrorCode::kWeightsMismatch, "decoder.conv_in.weight");
}

TEST_CASE("autoencoder reads the published YAML's keys") {
  const Json published = Json::parse(R"({"model": {"params": {
    "ddconfig": {"z_channels": 392, "ch": 128, "ch_mult": [1, 1, 2, 2, 4], "num_res_blocks": 2, "attn_resolutions": []},
    "dinoconfig": {"model_name": "dinov3_vits16plus"},
    "extra_vit_config": {"output_dim": 8, "use_outnorm": true, "vit_type": "vit-rope-s"}}}})");
  const AutoencoderConfig r = AutoencoderConfig::from_json(published);
  EXPECT(r.encoder->channels == 384 && r.residual->channels == 8 && r.decoder.grid.channels == 392);
  EXPECT(r.align_distribution);
  EXPECT_ERROR(AutoencoderConfig::from_json(Json::parse(R"({"hyconfig": {}, "ddconfig": {"z_channels": 384}})")),
               ErrorCode::kInvalidConfig, "hyconfig");
}

TEST_CASE("autoencoder aligns residual features per image or over the batch") {
  const at::Tensor dino = at::randn({2, 6, 3, 2}, at::kFloat) * 2 + 1;
  const at::Tensor residual = at::randn({2, 4, 3, 2}, at::kFloat) * 5 - 3;
  const at::Tensor each = align_distribution(residual, dino, AlignOver::kImage);
  for (int64_t i = 0; i < 2; ++i) {
    const at::Tensor alone =
        align_distribution(residual.slice(0, i, i + 1), dino.slice(0, i, i + 1), AlignOver::kBatch);
    EXPECT_CLOSE(largest(each.slice(0, i, i + 1) - alone), 0, 1e-5);
  }
  const at::Tensor together = align_distribution(residual, dino, AlignOver::kBatch);
  EXPECT_CLOSE(together.mean().item<double>(), dino.mean().item<double>(), 1e-5);
  EXPECT(largest(together - each) > 1e-3);
  EXPECT_ERROR(
      align_distribution(residual.slice(2, 0, 1).slice(3, 0, 1), dino.slice(2, 0, 1).slice(3, 0, 1), AlignOver::kImage),
      ErrorCode::kInvalidArgument, "single cell");
}
