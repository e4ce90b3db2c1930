// A velocity that is a formula, and a script of what goes wrong while it is worked out.
#pragma once

#include <cmath>
#include <functional>

#include "check.h"
#include "models/numbered_items.h"
#include "models/part.h"

namespace svg::test {

inline at::Tensor analytic(const at::Tensor& x, double t) { return std::sin(3 * t) * x + x.cos(); }

/// Pictures in one evaluation, and what goes wrong with it.
struct Script {
  std::vector<size_t> evaluations;
  std::function<void(const std::vector<GuidedQuery>&)> before;
};

class AnalyticVelocity : public GuidedVelocity {
 public:
  explicit AnalyticVelocity(Script& script) : script_(script) {}
  int64_t add(const GuidedItem& item, const std::vector<double>&) override { return items_.add(item); }
  void remove(int64_t item) override { items_.remove(item); }
  std::vector<at::Tensor> velocity(const std::vector<GuidedQuery>& queries) override {
    script_.evaluations.push_back(queries.size());
    if (script_.before) script_.before(queries);
    std::vector<at::Tensor> velocities;
    for (const GuidedQuery& query : queries) {
      EXPECT(items_.at(query.item).cells.rows == query.latent.size(1));
      velocities.push_back(analytic(query.latent, query.when.t));
    }
    return velocities;
  }

 private:
  Script& script_;
  NumberedItems<GuidedItem> items_;
};

/// One cell is one token of two channels; its velocities are worked out at once.
class AnalyticModel : public VelocityModel {
 public:
  explicit AnalyticModel(Script& script) : script_(script) {}
  int64_t channels() const override { return 2; }
  int64_t patch_size() const override { return 1; }
  Cells most_cells() const override { return {64, 64}; }
  ConditionKind condition() const override { return ConditionKind::label(3); }
  int64_t parameter_count() const override { return 0; }
  at::ScalarType dtype() const override { return at::kFloat; }
  at::Device device() const override { return at::kCPU; }
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& latents, const at::Tensor&,
                                  const std::vector<at::Tensor>&) const override {
    return latents;
  }
  std::unique_ptr<GuidedVelocity> guide() const override { return std::make_unique<AnalyticVelocity>(script_); }
  void set_runner(std::shared_ptr<const BlockRunner>) override {}

 private:
  Script& script_;
};

}  // namespace svg::test
