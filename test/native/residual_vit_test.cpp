#include "models/residual_vit.h"

#include "golden.h"

using namespace svg;
using namespace svg::test;

TEST_CASE("residual_vit agrees with the reference: two images, wider than high") { expect_golden("residual-vit"); }
TEST_CASE("residual_vit agrees with the reference: the stored square") { expect_golden("residual-vit-square"); }
TEST_CASE("residual_vit agrees with the reference in full size") { expect_golden("full-residual-vit"); }

TEST_CASE("residual_vit reads its configuration off the weights") {
  const GoldenCase golden(golden_folder("residual-vit"));
  const ResidualVitConfig got = ResidualVitConfig::infer(golden.weights());
  EXPECT(got.embed_dim == 48 && got.depth == 2 && got.output_dim == 8 && got.img_size == 64 && got.mlp_hidden == 192);
}

TEST_CASE("residual_vit places patches by the stored square where their number is the same") {
  const GoldenCase golden(golden_folder("residual-vit-square"));
  const ResidualVit model(golden.weights(), ResidualVitConfig::from_json(golden.config()));
  TensorMap bare = golden.weight_map();
  bare.erase("freqs_t_x");
  bare.erase("freqs_t_y");
  const ResidualVit computed(Weights(std::make_shared<MapSource>(bare, "test weights")),
                             ResidualVitConfig::from_json(golden.config()));
  const at::Tensor wide = at::randn({1, 3, 32, 128}, at::kFloat);  // 2x8 patches, as many as 4x4
  EXPECT(at::equal(model(wide), computed(wide)));
}

TEST_CASE("residual_vit draws perpendicular frequencies for a fresh branch") {
  ResidualVitConfig config;
  config.depth = 1;
  const at::Tensor freqs = initial_residual_frequencies(config, at::detail::createCPUGenerator(1)).at("freqs");
  EXPECT(freqs.size(0) == 2 && freqs.size(1) == 1 && freqs.size(2) == 192);
  const at::Tensor halves = freqs.view({2, config.num_heads, 2, -1});  // x/y, head, direction, magnitude
  const at::Tensor dot = (halves.select(2, 0) * halves.select(2, 1)).sum(0);
  EXPECT_CLOSE(dot.abs().max().item<double>(), 0, 1e-6);
}

TEST_CASE("residual_vit refuses sides that are no multiple of the patch") {
  const GoldenCase golden(golden_folder("residual-vit"));
  const ResidualVit model(golden.weights(), ResidualVitConfig::from_json(golden.config()));
  EXPECT_ERROR(model(at::zeros({1, 3, 48, 50})), ErrorCode::kInvalidArgument, "50x48");
}
