#include "models/guided_forward.h"

#include "core/error.h"

namespace svg {
namespace {

class GuidedForward : public GuidedVelocity {
 public:
  GuidedForward(const VelocityModel& model, std::vector<GuidedItem> items, const Guidance& guidance)
      : model_(model), items_(std::move(items)), guidance_(guidance) {
    SVG_CHECK(!items_.empty(), ErrorCode::kInvalidArgument, "no picture to sample");
  }

  std::vector<at::Tensor> velocity(const std::vector<at::Tensor>& latents, const SolverTime& when) override {
    const size_t count = items_.size();
    SVG_CHECK(latents.size() == count, ErrorCode::kInvalidArgument, latents.size(), " latents for ", count,
              " pictures");
    std::vector<at::Tensor> velocities;
    if (const auto factor = guidance_.unconditional_alone(when)) {
      if (!guidance_.needs(when).unconditional) {
        for (const at::Tensor& latent : latents) velocities.push_back(at::zeros_like(latent));
        return velocities;
      }
      for (const at::Tensor& velocity : run(latents, when.t, false, true)) velocities.push_back(*factor * velocity);
      return velocities;
    }
    const Guidance now = guidance_.at(when);
    if (!now.needs_unconditional(when.t)) {
      const bool shortened = now.shortens_conditional(when.t);
      for (const at::Tensor& velocity : run(latents, when.t, true, false)) {
        velocities.push_back(shortened ? guided_velocity(velocity, velocity, now) : velocity);
      }
      return velocities;
    }
    const std::vector<at::Tensor> both = run(latents, when.t, true, true);
    for (size_t i = 0; i < count; ++i) velocities.push_back(guided_velocity(both[i], both[count + i], now));
    return velocities;
  }

 private:
  std::vector<at::Tensor> run(const std::vector<at::Tensor>& latents, double t, bool conditional,
                              bool unconditional) const {
    std::vector<at::Tensor> inputs, conditions;
    const auto add = [&](at::Tensor GuidedItem::*condition) {
      inputs.insert(inputs.end(), latents.begin(), latents.end());
      for (const GuidedItem& item : items_) conditions.push_back(item.*condition);
    };
    if (conditional) add(&GuidedItem::conditional);
    if (unconditional) add(&GuidedItem::unconditional);
    return model_.forward(inputs, at::full({static_cast<int64_t>(inputs.size())}, t, at::kFloat), conditions);
  }

  const VelocityModel& model_;
  std::vector<GuidedItem> items_;
  Guidance guidance_;
};

}  // namespace

std::unique_ptr<GuidedVelocity> guide_by_forward(const VelocityModel& model, std::vector<GuidedItem> items,
                                                 const Guidance& guidance) {
  if (!model.condition().none && guidance.can_need_unconditional()) {
    throw Error(ErrorCode::kInvalidArgument,
                "this model was trained without a class for \"none\", which guidance moves away from",
                "Set the guidance scale to 1, or give the weights of a weaker model to guide by.");
  }
  return std::make_unique<GuidedForward>(model, std::move(items), guidance);
}

}  // namespace svg
