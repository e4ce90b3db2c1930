#include "models/autoguided.h"

#include <algorithm>

#include "core/error.h"
#include "models/numbered_items.h"

namespace svg {
namespace {

class AutoguidedVelocity : public GuidedVelocity {
 public:
  AutoguidedVelocity(const VelocityModel& strong, const VelocityModel& weak)
      : strong_model_(strong), weak_model_(weak), strong_(strong.guide()), weak_(weak.guide()) {}

  int64_t add(const GuidedItem& item, const std::vector<double>& times) override {
    const Guidance& guidance = item.guidance;
    SVG_CHECK(guidance.schedule.kind != GuidanceSchedule::Kind::kStar, ErrorCode::kInvalidArgument,
              "the guidance schedule cfg_star begins with velocities without a condition; a weak model gives none");
    std::vector<double> guided;
    std::copy_if(times.begin(), times.end(), std::back_inserter(guided),
                 [&](double t) { return guidance.needs_unconditional(t); });
    const int64_t strong = strong_->add(conditional_alone(strong_model_, item), times);
    try {
      return items_.add({strong, weak_->add(conditional_alone(weak_model_, item), guided), guidance});
    } catch (...) {
      strong_->remove(strong);
      throw;
    }
  }

  void remove(int64_t item) override {
    const Item& known = items_.at(item);
    strong_->remove(known.strong);
    weak_->remove(known.weak);
    items_.remove(item);
  }

  std::vector<at::Tensor> velocity(const std::vector<GuidedQuery>& queries) override {
    std::vector<GuidedQuery> all, guided;
    std::vector<size_t> places;  // of the guided ones
    for (const GuidedQuery& query : queries) {
      const Item& item = items_.at(query.item);
      all.push_back({item.strong, query.latent, query.when});
      if (!item.guidance.needs(query.when).unconditional) continue;
      guided.push_back({item.weak, query.latent, query.when});
      places.push_back(all.size() - 1);
    }
    std::vector<at::Tensor> weak(queries.size()), result;
    const std::vector<at::Tensor> strong = strong_->velocity(all);
    if (!guided.empty()) {
      const std::vector<at::Tensor> velocities = weak_->velocity(guided);
      for (size_t i = 0; i < places.size(); ++i) weak[places[i]] = velocities[i];
    }
    for (size_t i = 0; i < queries.size(); ++i) {
      result.push_back(step_velocity(strong[i], weak[i], items_.at(queries[i].item).guidance, queries[i].when));
    }
    return result;
  }

  VelocityCounts reused(int64_t item) const override {
    const Item& known = items_.at(item);
    return {strong_->reused(known.strong).conditional, weak_->reused(known.weak).conditional};
  }

 private:
  struct Item {
    int64_t strong = 0, weak = 0;  // their numbers there
    Guidance guidance;
  };

  /// Without guidance of its own, both conditions the same.
  static GuidedItem conditional_alone(const VelocityModel& model, const GuidedItem& item) {
    const at::Tensor condition = model.prepared(item.conditional);
    Guidance none;
    none.scale = 1;
    none.mode = GuidanceMode::kStandard;
    return {condition, condition, item.cells, none, item.step_cache};
  }

  const VelocityModel &strong_model_, &weak_model_;
  std::unique_ptr<GuidedVelocity> strong_, weak_;
  NumberedItems<Item> items_;
};

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

std::unique_ptr<GuidedVelocity> Autoguided::guide() const {
  return std::make_unique<AutoguidedVelocity>(*strong_, *weak_);
}

void Autoguided::set_runner(std::shared_ptr<const BlockRunner> runner) {
  weak_->set_runner(runner);
  strong_->set_runner(std::move(runner));
}

}  // namespace svg
