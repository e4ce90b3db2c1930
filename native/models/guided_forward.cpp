#include "models/guided_forward.h"

#include "core/error.h"
#include "models/guided_step.h"
#include "models/numbered_items.h"

namespace svg {
namespace {

class GuidedForward : public GuidedVelocity {
 public:
  GuidedForward(const VelocityModel& model, std::function<void(const Cells&)> check_cells)
      : model_(model), check_cells_(std::move(check_cells)) {}

  int64_t add(const GuidedItem& item, const std::vector<double>& /*times*/) override {
    check_cells_(item.cells);
    if (!model_.condition().none && item.guidance.can_need_unconditional()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "this model was trained without a class for \"none\", which guidance moves away from",
                  "Set the guidance scale to 1, or give the weights of a weaker model to guide by.");
    }
    SVG_CHECK(!item.step_cache, ErrorCode::kInvalidArgument, "this model has no step cache");
    return items_.add(item);
  }

  void remove(int64_t item) override { items_.remove(item); }

  std::vector<at::Tensor> velocity(const std::vector<GuidedQuery>& queries) override {
    std::vector<const GuidedItem*> items;
    for (const GuidedQuery& query : queries) items.push_back(&items_.at(query.item));
    const GuidedStep step(queries, std::move(items));
    if (step.rows().empty()) return step.guided({});
    std::vector<at::Tensor> latents, conditions;
    std::vector<double> times;
    for (const GuidedRow& row : step.rows()) {
      latents.push_back(queries[row.query].latent);
      conditions.push_back(step.condition_of(row));
      times.push_back(queries[row.query].when.t);
    }
    return step.guided(model_.forward(latents, at::tensor(times, at::kDouble).to(at::kFloat), conditions));
  }

 private:
  const VelocityModel& model_;
  std::function<void(const Cells&)> check_cells_;
  NumberedItems<GuidedItem> items_;
};

}  // namespace

std::unique_ptr<GuidedVelocity> guide_by_forward(const VelocityModel& model,
                                                 std::function<void(const Cells&)> check_cells) {
  return std::make_unique<GuidedForward>(model, std::move(check_cells));
}

}  // namespace svg
