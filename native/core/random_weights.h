// Fresh weights: what training starts from, or values in which every branch of a model counts.
#pragma once

#include "core/weights.h"

namespace svg {

/// Draws each parameter as it is asked for. Matrices come in `dtype`, everything else in fp32. What a CPU draws is the
/// same for a GPU.
class RandomWeights : public WeightSource {
 public:
  /// kRandom draws matrices from N(0, 0.02) where training starts from zeros (adaLN, output layers).
  enum class Values { kInitial, kRandom };

  RandomWeights(at::Generator generator, Values values, at::ScalarType dtype = at::kFloat, at::Device device = at::kCPU)
      : generator_(std::move(generator)), values_(values), dtype_(dtype), device_(device) {}

  at::Tensor find(const std::string&, at::IntArrayRef shape, Init init, Role role) override {
    const bool zeros = init.kind == Init::Kind::kZeros && shape.size() > 1;
    if (values_ == Values::kRandom && zeros) init = Init::normal(0.02);
    return initialise(shape, init, generator_).to(device_, role == Role::kMatrix ? dtype_ : at::kFloat);
  }
  std::optional<std::vector<int64_t>> shape_of(const std::string&) const override { return std::nullopt; }
  std::string description() const override { return "random weights"; }

 private:
  at::Generator generator_;
  Values values_;
  at::ScalarType dtype_;
  at::Device device_;
};

}  // namespace svg
