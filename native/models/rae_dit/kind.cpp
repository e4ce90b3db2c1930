// The entry of RAE's transformer in the catalogue.
#include "core/error.h"
#include "models/label_table.h"
#include "models/rae_dit/rae_dit.h"
#include "models/rae_dit/work.h"

namespace svg {
namespace {

VelocityPlan rae_dit_plan(const RaeDitConfig& config) {
  VelocityPlan plan;
  plan.kind = "rae-dit";
  plan.description = config.title();
  plan.dimensions = config.to_json();
  plan.channels = config.channels;
  plan.condition = ConditionKind::label(config.classes, config.null_class);
  plan.can_train = false;
  plan.build = [config](const Weights& weights) { return std::make_unique<RaeDit>(weights, config); };
  plan.buffers = [config] { return rae_dit_buffers(config); };
  plan.work = [config](const VelocityLoad& load) { return rae_dit_work(config, load); };
  return plan;
}

}  // namespace

VelocityKind rae_dit_kind() {
  VelocityKind kind;
  kind.name = "rae-dit";
  kind.title = "transformer of RAE";
  kind.presets = RaeDitConfig::preset_names();
  kind.files = "^stage2_model$";
  kind.recognise = [](const Weights& weights) -> std::optional<Recognised> {
    if (!RaeDitConfig::recognises(weights)) return std::nullopt;
    try {
      const RaeDitConfig config = RaeDitConfig::infer(weights);
      return Recognised{config.title(), config.channels};
    } catch (const Error&) {  // some shape is wrong: loading says which
      return Recognised{"transformer of RAE", 0};
    }
  };
  kind.from_json = [](const Json& json) { return rae_dit_plan(RaeDitConfig::from_json(json)); };
  kind.infer = [](const Weights& weights, const ConfigReader&, const Json& said) {
    VelocityPlan plan = rae_dit_plan(RaeDitConfig::infer(weights, said));
    plan.remark = label_table(weights, said).remark;
    return plan;
  };
  // What has two dimensions in a block is multiplied by.
  kind.int8_matrix = [](const std::string& name, at::IntArrayRef) {
    return name.starts_with("blocks.") && name.ends_with(".weight");
  };
  kind.is_spare = RaeDit::is_spare;
  return kind;
}

}  // namespace svg
