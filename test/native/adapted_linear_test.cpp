// A weight that is no plain tensor goes into a model that knows nothing of it: a frozen base with a trained low-rank
// difference, W + scale B A (arXiv 2106.09685).
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "check.h"
#include "tiny_dit.h"

using svg::test::largest_difference;
using svg::test::tiny_config;

namespace {

class LowRank : public svg::Matrix {
 public:
  LowRank(std::shared_ptr<const svg::Matrix> base, at::Tensor a, at::Tensor b, double scale)
      : base_(std::move(base)), a_(std::move(a)), b_(std::move(b)), scale_(scale) {}

  at::Tensor product(const at::Tensor& x, const at::Tensor& bias) const override {
    return base_->product(x, bias) + scale_ * at::linear(at::linear(x, a_), b_);
  }
  std::shared_ptr<const svg::Matrix> rows(int64_t start, int64_t count) const override {
    return std::make_shared<LowRank>(base_->rows(start, count), a_, b_.narrow(0, start, count), scale_);
  }
  int64_t in() const override { return base_->in(); }
  int64_t out() const override { return base_->out(); }
  at::ScalarType dtype() const override { return base_->dtype(); }
  at::Device device() const override { return base_->device(); }
  bool trained() const override { return a_.requires_grad(); }

 private:
  std::shared_ptr<const svg::Matrix> base_;
  at::Tensor a_, b_;
  double scale_;
};

/// Adapts the matrices of attention and feed-forward.
class AdaptedSource : public svg::MapSource {
 public:
  AdaptedSource(svg::TensorMap tensors, svg::TensorMap adapters, double scale)
      : MapSource(std::move(tensors), "adapted weights"), adapters_(std::move(adapters)), scale_(scale) {}

  std::shared_ptr<const svg::Matrix> matrix(const std::string& name, at::IntArrayRef shape, svg::Init init) override {
    const auto a = adapters_.find(name + ".a");
    if (a == adapters_.end()) return nullptr;
    return std::make_shared<LowRank>(svg::plain_matrix(find(name, shape, init, svg::Role::kMatrix)), a->second,
                                     adapters_.at(name + ".b"), scale_);
  }

 private:
  svg::TensorMap adapters_;
  double scale_;
};

constexpr double kScale = 0.5;

svg::TensorMap adapters_for(const svg::TensorMap& weights) {
  svg::TensorMap adapters;
  for (const auto& [name, weight] : weights) {
    const bool adapted =
        name.find("attention.") != std::string::npos || name.find("feed_forward.") != std::string::npos;
    if (!adapted || weight.dim() != 2) continue;
    adapters[name + ".a"] = (0.1 * at::randn({2, weight.size(1)})).requires_grad_();
    adapters[name + ".b"] = (0.1 * at::randn({weight.size(0), 2})).requires_grad_();
  }
  return adapters;
}

svg::TensorMap merged(svg::TensorMap weights, const svg::TensorMap& adapters) {
  c10::NoGradGuard no_grad;
  for (auto& [name, weight] : weights) {
    if (!adapters.contains(name + ".a")) continue;
    weight = weight + kScale * at::matmul(adapters.at(name + ".b"), adapters.at(name + ".a"));
  }
  return weights;
}

struct Inputs {
  std::vector<at::Tensor> latents = {at::randn({8, 4, 6}), at::randn({8, 2, 3})};
  std::vector<at::Tensor> captions = {at::randn({5, 24}), at::randn({2, 24})};
  at::Tensor t = at::tensor({0.2, 0.7}, at::kFloat);

  at::Tensor velocity(const svg::NextDit& model) const {
    std::vector<at::Tensor> flat;
    for (const at::Tensor& one : model.forward(latents, t, captions)) flat.push_back(one.flatten());
    return at::cat(flat);
  }
};

}  // namespace

TEST_CASE("adapted linear: a NextDiT with low-rank adapters is the NextDiT with merged weights") {
  const svg::NextDitConfig config = tiny_config();
  const svg::TensorMap weights = svg::test::tiny_weights(config);
  const svg::TensorMap adapters = adapters_for(weights);
  const Inputs inputs;
  const svg::NextDit base(svg::Weights(std::make_shared<svg::MapSource>(weights, "base")), config);
  const svg::NextDit whole(svg::Weights(std::make_shared<svg::MapSource>(merged(weights, adapters), "merged")), config);
  svg::NextDit adapted(svg::Weights(std::make_shared<AdaptedSource>(weights, adapters, kScale)), config);
  const at::Tensor want = inputs.velocity(whole);
  EXPECT_CLOSE(largest_difference(inputs.velocity(adapted), want), 0, 1e-4);
  EXPECT(largest_difference(inputs.velocity(base), want) > 1e-2);

  // Gradients reach the adapters, those of the last block's rows too, and nothing else; recomputation changes no bit.
  const at::Tensor target = at::randn_like(want);
  const auto gradients = [&] {
    for (const auto& entry : adapters) entry.second.mutable_grad() = at::Tensor();
    torch::autograd::backward({(inputs.velocity(adapted) - target).square().mean()}, {});
    svg::TensorMap found;
    for (const auto& [name, adapter] : adapters) {
      EXPECT(adapter.grad().defined() && adapter.grad().abs().max().item<double>() > 0);
      found[name] = adapter.grad().clone();
    }
    return found;
  };
  const svg::TensorMap plain = gradients();
  adapted.runner = svg::recomputed_blocks();
  const svg::TensorMap again = gradients();
  for (const auto& [name, gradient] : plain) EXPECT(at::equal(again.at(name), gradient));
  for (const auto& entry : weights) EXPECT(!entry.second.grad().defined());
}

TEST_CASE("adapted linear: a stored matrix of another shape is refused by name") {
  const svg::NextDitConfig config = tiny_config();
  const svg::TensorMap weights = svg::test::tiny_weights(config);
  svg::NextDitConfig wider = config;
  wider.ffn_dim += 8;
  const auto source = std::make_shared<AdaptedSource>(weights, adapters_for(weights), kScale);
  EXPECT_ERROR(svg::NextDit(svg::Weights(source), wider), svg::ErrorCode::kWeightsMismatch, "feed_forward.w1.weight");
}

TEST_CASE("block runner: every block of a NextDiT goes through it by the name of its weights, in order") {
  struct Listening : svg::BlockRunner {
    mutable std::vector<std::string> names;
    at::Tensor run(const std::string& name, const Body& body, const std::vector<at::Tensor>& inputs) const override {
      names.push_back(name);
      return body(inputs);
    }
  };
  c10::NoGradGuard no_grad;
  svg::NextDit model = svg::test::tiny_model(tiny_config());
  const auto listening = std::make_shared<Listening>();
  model.runner = listening;
  const Inputs inputs;
  inputs.velocity(model);
  std::vector<std::string> want;
  const auto add = [&](const char* list, size_t count) {
    for (size_t i = 0; i < count; ++i) want.push_back(svg::concat(list, ".", i));
  };
  add("noise_refiner", model.noise_refiner.size());
  add("context_refiner", model.context_refiner.size());
  add("layers", model.layers.size());
  EXPECT(listening->names == want);
  listening->names.clear();
  const c10::AutoGradMode grad(true);
  inputs.velocity(model);
  EXPECT(listening->names == want);
}
