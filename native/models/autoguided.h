// Guidance by a weaker model: velocities move away from those of a smaller or shorter trained one, in the place of
// those without a condition. Source: arXiv 2406.02507.
#pragma once

#include <memory>

#include "models/part.h"

namespace svg {

class Autoguided : public VelocityModel {
 public:
  /// Throws Error(kWeightsMismatch) where the two draw other latents or are conditioned on other things.
  Autoguided(std::unique_ptr<VelocityModel> strong, std::unique_ptr<VelocityModel> weak);

  int64_t channels() const override { return strong_->channels(); }
  int64_t patch_size() const override { return strong_->patch_size(); }
  Cells most_cells() const override;
  std::optional<Cells> usual_cells() const override { return strong_->usual_cells(); }
  ConditionKind condition() const override { return strong_->condition(); }
  int64_t parameter_count() const override { return strong_->parameter_count(); }
  at::ScalarType dtype() const override { return strong_->dtype(); }
  at::Device device() const override { return strong_->device(); }
  bool caches_steps() const override { return strong_->caches_steps() && weak_->caches_steps(); }
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& latents, const at::Tensor& t,
                                  const std::vector<at::Tensor>& conditions) const override {
    return strong_->forward(latents, t, conditions);
  }
  /// As it is: the two prepare it each for itself.
  at::Tensor prepared(const at::Tensor& condition) const override { return condition; }
  /// weak + scale (strong - weak), both with the condition, where the guidance is active; the strong one elsewhere.
  std::unique_ptr<GuidedVelocity> guide() const override;
  void set_runner(std::shared_ptr<const BlockRunner> runner) override;

 private:
  std::unique_ptr<VelocityModel> strong_, weak_;
};

}  // namespace svg
