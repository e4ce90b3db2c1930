#include "models/residual/torchvision.h"

#include <utility>

#include "core/error.h"
#include "core/matrix.h"
#include "models/encoders/picture.h"

namespace svg {
namespace {

constexpr int64_t kTorchvisionHeadChannels = 48;  // files do not tell

const VitNames kTorchvisionNames = {.patches = "conv_proj",
                                    .class_token = "class_token",
                                    .registers = "",
                                    .positions = "encoder.pos_embedding",
                                    .blocks = "encoder.layers",
                                    .norm = "encoder.ln",
                                    .block = {.norm1 = "ln_1",
                                              .norm2 = "ln_2",
                                              .qkv = {"self_attention.in_proj"},
                                              .proj = "self_attention.out_proj",
                                              .fc1 = "mlp.0",
                                              .fc2 = "mlp.3",
                                              .gate_up = {},
                                              .down = "",
                                              .scale1 = "",
                                              .scale2 = ""},
                                    .before_number = "encoder_layer_"};

/// Attention keeps its joint projection without a layer of its own; before 0.13 the MLP's layers had names.
class TorchvisionNames : public WeightSource {
 public:
  explicit TorchvisionNames(Weights inner)
      : inner_(std::move(inner)), named_mlp_(inner_.has(kTorchvisionNames.block_name(0) + ".mlp.linear_1.weight")) {}

  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override {
    return inner_.get_optional(stored(name), shape, init, role);
  }
  std::shared_ptr<const Matrix> matrix(const std::string& name, at::IntArrayRef shape, Init init) override {
    return inner_.matrix(stored(name), shape, init);
  }
  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override {
    return inner_.shape_of(stored(name));
  }
  std::string description() const override { return inner_.description(); }
  std::vector<std::string> unused() const override { return inner_.unused(); }

 private:
  std::string stored(const std::string& name) const {
    const std::pair<const char*, const char*> others[] = {
        {".in_proj.", ".in_proj_"}, {".mlp.0.", ".mlp.linear_1."}, {".mlp.3.", ".mlp.linear_2."}};
    for (const auto& [own, theirs] : others) {
      const size_t at = name.find(own);
      if (at == std::string::npos || (own[1] == 'm' && !named_mlp_)) continue;
      return std::string(name).replace(at, std::string(own).size(), theirs);
    }
    return name;
  }

  Weights inner_;
  bool named_mlp_;
};

VitConfig published_vit() {
  VitConfig config;
  config.model = "residual branch";
  config.block.width = 384;
  config.block.num_heads = 8;
  config.block.ffn_hidden = 1536;
  config.depth = 6;
  config.position_side = 16;
  return config;
}

ResidualPlan torchvision_residual_plan(const TorchvisionResidualConfig& config) {
  const VitConfig& vit = config.vit;
  const int64_t width = vit.block.width, heads = vit.block.num_heads;
  ResidualPlan plan;
  plan.kind = "torchvision";
  plan.description = concat("residual branch of SVG of ", vit.depth, " blocks, width ", width);
  plan.channels = config.output_dim;
  plan.dimensions = Json::object()
                        .set("kind", plan.kind)
                        .set("embed_dim", width)
                        .set("depth", vit.depth)
                        .set("num_heads", heads)
                        .set("intermediate_size", vit.block.ffn_hidden)
                        .set("output_dim", config.output_dim)
                        .set("img_size", vit.patch_size * vit.position_side)
                        .set("patch_size", vit.patch_size);
  plan.build = [config](const Weights& weights) { return std::make_unique<TorchvisionResidual>(weights, config); };
  if (width != kTorchvisionHeadChannels * heads) {
    plan.untold = concat("has ", heads, " heads for ", width, " channels: a head has ", kTorchvisionHeadChannels,
                         ", and files do not tell");
  }
  return plan;
}

}  // namespace

Weights with_torchvision_names(const Weights& weights) { return Weights(std::make_shared<TorchvisionNames>(weights)); }

TorchvisionResidualConfig TorchvisionResidualConfig::from_json(const Json& json) {
  TorchvisionResidualConfig config{published_vit()};
  VitBlockConfig& block = config.vit.block;
  block.width = json.get_int("hidden_dim", json.get_int("embed_dim", block.width));
  block.ffn_hidden = json.get_int("mlp_dim", 4 * block.width);
  config.vit.depth = json.get_int("num_layers", config.vit.depth);
  config.output_dim = json.get_int("output_dim", config.output_dim);
  SVG_CHECK(config.output_dim > 0, ErrorCode::kInvalidConfig, "[residual branch] output_dim is ", config.output_dim);
  config.vit = vit_from_json(json, config.vit);
  return config;
}

TorchvisionResidualConfig TorchvisionResidualConfig::infer(const Weights& given, int64_t num_heads) {
  const Weights weights = with_torchvision_names(given);
  TorchvisionResidualConfig config{infer_vit(weights, published_vit(), kTorchvisionNames)};
  const int64_t width = config.vit.block.width;
  config.vit.block.num_heads = num_heads > 0 ? num_heads : std::max<int64_t>(1, width / kTorchvisionHeadChannels);
  const auto head = weights.shape_of("heads.2.weight");
  SVG_CHECK(head && head->size() == 2, ErrorCode::kWeightsMismatch, weights.description(),
            " holds no residual branch: \"heads.2.weight\" of 2 dimensions is missing");
  config.output_dim = head->front();
  return config;
}

TorchvisionResidual::TorchvisionResidual(const Weights& weights, const TorchvisionResidualConfig& config)
    : output_dim_(config.output_dim), vit_(weights, config.vit, kTorchvisionNames) {
  const int64_t C = config.vit.block.width;
  head_in_ = Linear(weights.scope("heads.0"), C, C, /*with_bias=*/true, Init::kaiming_uniform());
  head_out_ = Linear(weights.scope("heads.2"), C, output_dim_, /*with_bias=*/true, Init::kaiming_uniform());
}

at::Tensor TorchvisionResidual::operator()(const at::Tensor& image) const {
  const at::Tensor patches = vit_.tokens(image).slice(1, vit_.prefix_tokens()).to(head_in_.dtype());
  return head_out_(at::gelu(head_in_(patches))).to(at::kFloat).transpose(1, 2);
}

at::Tensor TorchvisionResidual::features(const at::Tensor& image, const Cells& cells) const {
  const at::Tensor picture = imagenet_normalised(patches_as_cells(image, cells, vit_.config().patch_size));
  return (*this)(picture).reshape({image.size(0), output_dim_, cells.rows, cells.columns});
}

ResidualKind torchvision_residual_kind() {
  ResidualKind kind;
  kind.name = "torchvision";
  kind.title = "residual branch of SVG";
  kind.presets = {"vit-s"};  // the reference's vit_type for it; SVG's own files name none
  kind.recognise = [](const Weights& weights) -> std::optional<Recognised> {
    if (!weights.has("conv_proj.weight") || !weights.has("encoder.pos_embedding")) return std::nullopt;
    const auto out = weights.shape_of("heads.2.weight");
    return Recognised{"residual branch with learned positions", out && !out->empty() ? out->front() : 0};
  };
  kind.from_json = [](const Json& json) {
    return torchvision_residual_plan(TorchvisionResidualConfig::from_json(json));
  };
  kind.infer = [](const Weights& weights, const ConfigReader&, const Json& said) {
    const int64_t heads = said.is_object() ? said.get_int("num_heads", 0) : 0;
    return torchvision_residual_plan(TorchvisionResidualConfig::infer(weights, heads));
  };
  kind.own_names = with_torchvision_names;
  return kind;
}

}  // namespace svg
