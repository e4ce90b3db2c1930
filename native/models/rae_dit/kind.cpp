// The entry of RAE's transformer in the catalogue.
#include "core/error.h"
#include "models/label_table.h"
#include "models/rae_dit/rae_dit.h"

namespace svg {
namespace {

struct RaeDitSize {
  const char* preset;
  RaeDitPart deep;
};

/// All with a head of 2048x2. Source: bytetriper/RAE, configs/stage2.
constexpr RaeDitSize kRaeDitSizes[] = {
    {"ditdh_s", {384, 12, 6, 1024}},
    {"ditdh_b", {768, 12, 12, 2048}},
    {"ditdh_l", {1024, 24, 16, 2730}},
    {"ditdh_xl", {1152, 28, 16, 3072}},
};

std::string rae_dit_description(const RaeDitConfig& config) {
  for (const RaeDitSize& size : kRaeDitSizes) {
    if (size.deep.width == config.deep.width && size.deep.depth == config.deep.depth && config.head.width == 2048 &&
        config.head.depth == 2) {
      return concat("RAE ", size.preset, ", ", config.channels, " channels, ", config.classes, " classes");
    }
  }
  return config.describe();
}

VelocityPlan rae_dit_plan(const RaeDitConfig& config) {
  VelocityPlan plan;
  plan.kind = "rae-dit";
  plan.description = rae_dit_description(config);
  plan.dimensions = config.to_json();
  plan.channels = config.channels;
  plan.condition = ConditionKind::label(config.classes, config.null_class);
  plan.can_train = false;
  plan.build = [config](const Weights& weights) { return std::make_unique<RaeDit>(weights, config); };
  plan.buffers = [config] { return rae_dit_buffers(config); };
  return plan;
}

RaeDitConfig rae_dit_of_json(const Json& json) {
  const Json* arch = json.find("arch");
  if (!arch) return RaeDitConfig::from_json(json);
  for (const RaeDitSize& size : kRaeDitSizes) {
    if (arch->as_string() != concat("rae_", size.preset)) continue;
    RaeDitConfig config = RaeDitConfig::from_json(json);
    config.deep = size.deep;
    return config;
  }
  throw Error(ErrorCode::kInvalidConfig, "[rae_dit] no architecture \"" + arch->as_string() + "\"",
              "known: rae_ditdh_s, rae_ditdh_b, rae_ditdh_l, rae_ditdh_xl");
}

/// The parts that a configuration may say and shapes do not; what they do tell must be the same there.
RaeDitConfig settled_rae_dit(RaeDitConfig found, const Json& said, const std::string& file) {
  if (said.is_null()) return found;
  const RaeDitConfig wanted = rae_dit_of_json(said);
  if (said.find("num_heads")) {
    found.deep.num_heads = wanted.deep.num_heads;
    found.head.num_heads = wanted.head.num_heads;
  }
  if (said.find("use_rope")) found.rotary = wanted.rotary;
  const Json got = found.to_json();
  const Json want = wanted.to_json();
  for (const auto& [key, value] : want.as_object()) {
    if (!said.find(key) || got.at(key).dump() == value.dump()) continue;
    throw Error(ErrorCode::kWeightsMismatch, concat(file, ": the weights have ", key, " ", got.at(key).dump(),
                                                    ", the configuration says ", value.dump()));
  }
  found.check();
  return found;
}

}  // namespace

VelocityKind rae_dit_kind() {
  VelocityKind kind;
  kind.name = "rae-dit";
  kind.title = "transformer of RAE";
  for (const RaeDitSize& size : kRaeDitSizes) kind.presets.push_back(concat("rae_", size.preset));
  kind.files = "^(stage2|ditdh|DiTDH)";
  kind.recognise = [](const Weights& weights) -> std::optional<Recognised> {
    if (!RaeDitConfig::recognises(weights)) return std::nullopt;
    try {
      const RaeDitConfig config = RaeDitConfig::infer(weights);
      return Recognised{rae_dit_description(config), config.channels};
    } catch (const Error&) {  // some shape is wrong: loading says which
      return Recognised{"transformer of RAE", 0};
    }
  };
  kind.from_json = [](const Json& json) { return rae_dit_plan(rae_dit_of_json(json)); };
  kind.infer = [](const Weights& weights, const ConfigReader&, const Json& said) {
    const RaeDitConfig found = RaeDitConfig::infer(weights, said);
    VelocityPlan plan = rae_dit_plan(settled_rae_dit(found, said, weights.description()));
    plan.remark = label_table(weights, said).remark;
    return plan;
  };
  kind.is_spare = RaeDit::is_spare;
  return kind;
}

}  // namespace svg
