// The residual branch of SVG's own autoencoder, and its place in the table of branches.
#include "golden.h"
#include "models/autoencoder.h"
#include "models/catalogue.h"
#include "models/residual/torchvision.h"
#include "models/vit/positions.h"

using namespace svg;
using namespace svg::test;

namespace {

Weights branch_of(TensorMap tensors) {
  return Weights(std::make_shared<MapSource>(std::move(tensors), "test weights"));
}

TorchvisionResidual built(const TensorMap& tensors, const TorchvisionResidualConfig& config) {
  return TorchvisionResidual(with_torchvision_names(branch_of(tensors)), config);
}

/// As torchvision called the MLP's layers before 0.13.
TensorMap with_named_mlp(const TensorMap& tensors) {
  TensorMap named;
  for (const auto& [name, tensor] : tensors) {
    std::string other = name;
    for (const auto& [now, then] : {std::pair{".mlp.0.", ".mlp.linear_1."}, std::pair{".mlp.3.", ".mlp.linear_2."}}) {
      if (const size_t at = other.find(now); at != std::string::npos) other.replace(at, std::string(now).size(), then);
    }
    named[other] = tensor;
  }
  return named;
}

}  // namespace

TEST_CASE("SVG's residual branch agrees with torchvision") { expect_golden("residual-vit-svg"); }
TEST_CASE("SVG's own autoencoder agrees with the reference, its branch's kind told by the weights") {
  expect_golden("autoencoder-svg");
}

TEST_CASE("SVG's residual branch reads its configuration off the weights, under both versions' names") {
  const GoldenCase golden(golden_folder("residual-vit-svg"));
  for (const TensorMap& tensors : {golden.weight_map(), with_named_mlp(golden.weight_map())}) {
    const TorchvisionResidualConfig got = TorchvisionResidualConfig::infer(branch_of(tensors), 4);
    EXPECT(got.output_dim == 6 && got.vit.depth == 2 && got.vit.block.width == 56 && got.vit.block.num_heads == 4);
    EXPECT(got.vit.block.ffn_hidden == 96 && got.vit.position_side == 5 && got.vit.patch_size == 16);
    EXPECT(at::equal(
        built(tensors, got)(golden.input("image")),
        built(golden.weight_map(), TorchvisionResidualConfig::from_json(golden.config()))(golden.input("image"))));
  }
}

TEST_CASE("SVG's residual branch has heads of 48 channels where nobody says, and cannot be trained with others") {
  const ResidualKind& kind = residual_kind("torchvision");
  const ResidualPlan published = kind.from_json(Json::object());
  EXPECT(published.dimensions.at("num_heads").as_int() == 8 && published.channels == 8 && published.untold.empty());
  const ResidualPlan wide = kind.from_json(Json::parse(R"({"hidden_dim": 384, "num_heads": 6})"));
  EXPECT(wide.untold.find("6 heads for 384 channels") != std::string::npos);
}

TEST_CASE("SVG's residual branch interpolates its positions for other grids") {
  const GoldenCase golden(golden_folder("residual-vit-svg"));
  const TorchvisionResidualConfig config = TorchvisionResidualConfig::from_json(golden.config());
  TensorMap tensors = golden.weight_map();
  const at::Tensor square = at::randn({1, 3, 48, 48}, at::kFloat);
  const at::Tensor got = built(tensors, config)(square);
  // The same positions, resized by hand and stored for that grid.
  const at::Tensor table = tensors.at("encoder.pos_embedding");
  tensors["encoder.pos_embedding"] = at::cat({table.slice(1, 0, 1), resized_positions(table.slice(1, 1), 3, 3, {})}, 1);
  TorchvisionResidualConfig smaller = config;
  smaller.vit.position_side = 3;
  EXPECT(at::equal(got, built(tensors, smaller)(square)));
  const at::Tensor wide = built(golden.weight_map(), config).features(at::zeros({2, 3, 32, 96}), {2, 6});
  EXPECT(wide.sizes() == at::IntArrayRef({2, 6, 2, 6}));
  EXPECT_ERROR(built(golden.weight_map(), config)(at::zeros({1, 3, 48, 50})), ErrorCode::kInvalidArgument, "50x48");
}

TEST_CASE("an autoencoder takes the residual branch that its checkpoint holds, and refuses another that is named") {
  const GoldenCase golden(golden_folder("autoencoder-svg"));
  const AutoencoderFiles files{golden.weights()};
  const AutoencoderConfig found = AutoencoderConfig::infer(files);
  EXPECT(found.residual && found.residual->kind == "torchvision" && found.residual->channels == 6);
  EXPECT(Autoencoder::recognise(files.checkpoint)->find("R (with the residual branch of SVG)") != std::string::npos);
  Autoencoder(files, found);
  Autoencoder::refuse_unknown(files, found);
  Json named = golden.config();
  named.set("residual", Json(named.at("residual")).set("kind", "rope"));
  EXPECT_ERROR(Autoencoder(files, AutoencoderConfig::from_json(named, files.checkpoint)), ErrorCode::kWeightsMismatch,
               "is of kind \"torchvision\", the configuration says \"rope\"");
  const AutoencoderConfig plain =
      AutoencoderConfig::infer(files, Json::parse(R"({"residual": {"align_distribution": false}})"));
  EXPECT(!plain.align_distribution && found.align_distribution);
}

TEST_CASE("a published yaml without vit_type is of either branch, as the weights say") {
  const Json yaml = Json::parse(R"({"model": {"params": {
    "ddconfig": {"z_channels": 54, "ch": 32, "ch_mult": [1, 1, 1, 1, 1], "num_res_blocks": 0, "attn_resolutions": [16]},
    "extra_vit_config": {"output_dim": 6, "mask_ratio": 0.1, "use_outnorm": true}}}})");
  const GoldenCase own(golden_folder("autoencoder-svg")), other(golden_folder("autoencoder-r"));
  EXPECT(AutoencoderConfig::from_json(yaml, own.weights()).residual->kind == "torchvision");
  EXPECT(AutoencoderConfig::from_json(yaml, other.weights()).residual->kind == "rope");
  EXPECT(AutoencoderConfig::from_json(yaml).residual->kind == "rope");
  Json said = Json::parse(R"({"ddconfig": {}, "extra_vit_config": {"output_dim": 6, "vit_type": "vit-s"}})");
  EXPECT(AutoencoderConfig::from_json(said).residual->kind == "torchvision");
  const Json strange = Json::parse(R"({"ddconfig": {}, "extra_vit_config": {"vit_type": "vit-b"}})");
  EXPECT_ERROR(AutoencoderConfig::from_json(strange), ErrorCode::kInvalidConfig, "vit-b");
}
