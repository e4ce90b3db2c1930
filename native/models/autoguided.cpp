#include "models/autoguided.h"

#include <algorithm>

#include "core/error.h"

namespace svg {
namespace {

class AutoguidedVelocity : public GuidedVelocity {
 public:
  AutoguidedVelocity(std::unique_ptr<GuidedVelocity> strong, std::unique_ptr<GuidedVelocity> weak,
                     const Guidance& guidance)
      : strong_(std::move(strong)), weak_(std::move(weak)), guidance_(guidance) {}

  void plan_times(std::vector<double> times) override {
    std::vector<double> guided;
    std::copy_if(times.begin(), times.end(), std::back_inserter(guided),
                 [&](double t) { return guidance_.needs_unconditional(t); });
    weak_->plan_times(std::move(guided));
    strong_->plan_times(std::move(times));
  }

  std::vector<at::Tensor> velocity(const std::vector<at::Tensor>& latents, const SolverTime& when) override {
    std::vector<at::Tensor> strong = strong_->velocity(latents, when);
    const Guidance now = guidance_.at(when);
    if (!now.needs_unconditional(when.t)) {
      if (now.shortens_conditional(when.t)) {
        for (at::Tensor& velocity : strong) velocity = guided_velocity(velocity, velocity, now);
      }
      return strong;
    }
    const std::vector<at::Tensor> weak = weak_->velocity(latents, when);
    for (size_t i = 0; i < strong.size(); ++i) strong[i] = guided_velocity(strong[i], weak[i], now);
    return strong;
  }

 private:
  std::unique_ptr<GuidedVelocity> strong_, weak_;
  Guidance guidance_;
};

/// Without guidance of its own, both conditions the same.
std::unique_ptr<GuidedVelocity> conditional_alone(const VelocityModel& model, const std::vector<GuidedItem>& items) {
  std::vector<GuidedItem> own;
  for (const GuidedItem& item : items) {
    const at::Tensor condition = model.prepared(item.conditional);
    own.push_back({condition, condition, item.cells});
  }
  Guidance none;
  none.scale = 1;
  none.mode = GuidanceMode::kStandard;
  return model.guide(std::move(own), none);
}

}  // namespace

Autoguided::Autoguided(std::unique_ptr<VelocityModel> strong, std::unique_ptr<VelocityModel> weak)
    : strong_(std::move(strong)), weak_(std::move(weak)) {
  SVG_CHECK(strong_->channels() == weak_->channels(), ErrorCode::kWeightsMismatch, "the weak model draws latents of ",
            weak_->channels(), " channels, the model that it guides ", strong_->channels());
  const ConditionKind one = strong_->condition(), other = weak_->condition();
  SVG_CHECK(one.of == other.of && one.width == other.width && one.classes == other.classes, ErrorCode::kWeightsMismatch,
            "the weak model is conditioned on other things than the model that it guides");
}

Cells Autoguided::most_cells() const {
  const Cells one = strong_->most_cells(), other = weak_->most_cells();
  return {std::min(one.rows, other.rows), std::min(one.columns, other.columns)};
}

std::unique_ptr<GuidedVelocity> Autoguided::guide(std::vector<GuidedItem> items, const Guidance& guidance) const {
  SVG_CHECK(guidance.schedule.kind != GuidanceSchedule::Kind::kStar, ErrorCode::kInvalidArgument,
            "the guidance schedule cfg_star begins with velocities without a condition; a weak model gives none");
  return std::make_unique<AutoguidedVelocity>(conditional_alone(*strong_, items), conditional_alone(*weak_, items),
                                              guidance);
}

void Autoguided::set_runner(std::shared_ptr<const BlockRunner> runner) {
  weak_->set_runner(runner);
  strong_->set_runner(std::move(runner));
}

}  // namespace svg
