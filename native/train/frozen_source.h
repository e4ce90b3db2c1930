// Weights that training uses but leaves as they are.
#pragma once

#include <memory>

#include "core/weights.h"

namespace svg {

/// Copies of what a module asks `given` for: in fp32 to keep, matrices in `compute` to use.
class FrozenSource : public WeightSource {
 public:
  FrozenSource(Weights given, at::Device device, at::ScalarType compute)
      : given_(std::move(given)), device_(device), compute_(compute) {}

  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override;
  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override { return given_.shape_of(name); }
  std::string description() const override { return given_.description(); }

  /// All that was asked for and is there, by the name that was asked for.
  const TensorMap& kept() const { return kept_; }
  /// Takes prefix + name of `state` for each. Throws Error(kWeightsMismatch).
  void load(const TensorMap& state, const std::string& prefix);

 private:
  Weights given_;
  at::Device device_;
  at::ScalarType compute_;
  TensorMap kept_;
  TensorMap used_;  // of some of them, in compute_
};

}  // namespace svg
