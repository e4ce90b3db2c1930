#include "plain/plain_training.h"

#include <torch/csrc/autograd/autograd.h>

#include "check.h"
#include "core/rng.h"
#include "golden.h"
#include "tiny_dit.h"

using namespace svg;
using svg::test::largest_difference;

namespace {

std::vector<at::Tensor> gradients_of(const at::Tensor& loss, const TensorMap& parameters) {
  std::vector<at::Tensor> leaves;
  for (const auto& entry : parameters) leaves.push_back(entry.second);
  return torch::autograd::grad({loss}, leaves, /*grad_outputs=*/{}, /*retain_graph=*/false, /*create_graph=*/false,
                               /*allow_unused=*/true);
}

void expect_same(const at::Tensor& ours, const at::Tensor& plain, const TensorMap& parameters) {
  EXPECT_CLOSE(largest_difference(ours.detach(), plain.detach()), 0, 1e-4);
  const auto wanted = gradients_of(plain.square().mean(), parameters);
  const auto got = gradients_of(ours.square().mean(), parameters);
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT(got[i].defined() == wanted[i].defined());
    if (got[i].defined()) EXPECT_CLOSE(largest_difference(got[i], wanted[i]), 0, 1e-4);
  }
}

}  // namespace

TEST_CASE("plain_training: the transformer's losses and gradients are ours") {
  const NextDitConfig config = test::tiny_config();
  const DitTrainer trainer(test::tiny_built, test::tiny_weights(config), {}, seeded_generator(1));
  const at::Generator generator = seeded_generator(2);
  const auto draw = [&](at::IntArrayRef shape) { return at::randn(shape, generator, at::TensorOptions()); };
  const DitBatch batch = {{draw({8, 2, 3}), draw({8, 2, 3})},
                          {draw({8, 2, 3}), draw({8, 2, 3})},
                          at::tensor({0.3, 0.8}, at::kFloat),
                          {draw({4, 24}), draw({1, 24})}};
  expect_same(flow_matching_losses(trainer.model(), batch), plain_flow_matching_losses(trainer.model(), batch),
              trainer.parameters());
}

TEST_CASE("plain_training: reconstructions and their gradients are ours") {
  TrainableAutoencoderOptions options;
  options.model = AutoencoderConfig::from_json(Json::parse(
      R"({"encoder": {"embed_dim": 32, "depth": 1, "num_heads": 2, "ffn_layer": "swiglu", "ffn_ratio": 6,
          "n_storage_tokens": 2}, "decoder": {"ch": 32, "ch_mult": [1, 1, 1, 1, 1], "num_res_blocks": 1, "z_channels": 32}})"));
  options.train_encoder = true;
  const TrainableAutoencoder model(options, {}, std::nullopt, at::kCPU);
  const at::Tensor images = at::rand({2, 3, 32, 48}, seeded_generator(3), at::TensorOptions()) * 2 - 1;
  expect_same(model.reconstruct(images, {0, 1}), plain_reconstruct(model, images), model.trained()->parameters());
}
