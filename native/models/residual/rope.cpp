#include "models/residual/rope.h"

#include "core/error.h"
#include "models/encoders/picture.h"
#include "models/residual_vit.h"

namespace svg {
namespace {

class RopeResidual : public VisionEncoder {
 public:
  RopeResidual(const Weights& weights, const ResidualVitConfig& config) : vit_(weights, config) {}

  int64_t channels() const override { return vit_.config().output_dim; }
  at::Tensor features(const at::Tensor& image, const Cells& cells) const override {
    const at::Tensor picture = imagenet_normalised(patches_as_cells(image, cells, vit_.config().patch_size));
    return vit_(picture).reshape({image.size(0), channels(), cells.rows, cells.columns});
  }

 private:
  ResidualVit vit_;
};

ResidualPlan rope_residual_plan(const ResidualVitConfig& config) {
  ResidualPlan plan;
  plan.kind = "rope";
  plan.description = concat("residual branch of ", config.depth, " blocks, width ", config.embed_dim);
  plan.channels = config.output_dim;
  plan.dimensions = Json::object()
                        .set("kind", plan.kind)
                        .set("embed_dim", config.embed_dim)
                        .set("depth", config.depth)
                        .set("num_heads", config.num_heads)
                        .set("intermediate_size", config.mlp_hidden)
                        .set("output_dim", config.output_dim)
                        .set("img_size", config.img_size)
                        .set("patch_size", config.patch_size);
  plan.build = [config](const Weights& weights) { return std::make_unique<RopeResidual>(weights, config); };
  plan.buffers = [config] { return residual_vit_buffers(config); };
  plan.start_values = [config](at::Generator generator) {
    return initial_residual_frequencies(config, std::move(generator));
  };
  if (config.embed_dim != kResidualHeadChannels * config.num_heads) {
    plan.untold = concat("has ", config.num_heads, " heads for ", config.embed_dim, " channels: a head has ",
                         kResidualHeadChannels, ", and files do not tell");
  }
  return plan;
}

}  // namespace

ResidualKind rope_residual_kind() {
  ResidualKind kind;
  kind.name = "rope";
  kind.title = "residual branch";
  kind.presets = {"vit-rope-s", "rope-s"};  // the latter is what earlier versions of this package wrote
  kind.recognise = [](const Weights& weights) -> std::optional<Recognised> {
    if (!weights.has("patch_embed.proj.weight")) return std::nullopt;
    const auto out = weights.shape_of("heads.2.weight");
    return Recognised{"residual branch with rotary positions", out && !out->empty() ? out->front() : 0};
  };
  kind.from_json = [](const Json& json) { return rope_residual_plan(ResidualVitConfig::from_json(json)); };
  kind.infer = [](const Weights& weights, const ConfigReader&, const Json&) {
    return rope_residual_plan(ResidualVitConfig::infer(weights));
  };
  // A classifier that the branch was cut from, and positions that training stored.
  kind.is_spare = [](const std::string& name) { return name.starts_with("head.") || name.starts_with("freqs_t_"); };
  return kind;
}

}  // namespace svg
