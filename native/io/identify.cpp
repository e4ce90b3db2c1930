#include "io/identify.h"

#include "core/error.h"
#include "io/foreign_model.h"
#include "io/quantised.h"
#include "io/wrappers.h"

namespace svg {
namespace {

using Shape = std::vector<int64_t>;

class Facts {
 public:
  explicit Facts(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  bool has(const std::string& name) const { return checkpoint_.has(name); }
  bool has_prefix(const std::string& prefix) const {
    const auto found = checkpoint_.tensors().lower_bound(prefix);
    return found != checkpoint_.tensors().end() && found->first.starts_with(prefix);
  }
  /// A side of a tensor, 0 where there is none.
  int64_t side(const std::string& name, size_t index) const {
    const auto found = checkpoint_.tensors().find(name);
    if (found == checkpoint_.tensors().end() || index >= found->second.shape.size()) return 0;
    return found->second.shape[index];
  }
  /// How many of "PREFIX0SUFFIX", "PREFIX1SUFFIX", ... there are.
  int64_t count(const std::string& prefix, const std::string& suffix) const {
    int64_t number = 0;
    while (has(prefix + std::to_string(number) + suffix)) ++number;
    return number;
  }

 private:
  const Checkpoint& checkpoint_;
};

std::string grouped(int64_t value) {
  std::string digits = std::to_string(value);
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<size_t>(at), ",");
  return digits;
}

std::string parameters(int64_t count) { return " (" + grouped(count) + " parameters)"; }

std::string dit_name(const Facts& facts) {
  struct Preset {
    const char* name;
    int64_t dim, layers;
  };
  // Source: KlingTeam/SVG-T2I svg_t2i/models/model_dino.py, the functions at its end.
  constexpr Preset kPresets[] = {
      {"0.8B", 1152, 28}, {"2B", 2304, 26}, {"3B", 2592, 30}, {"4B", 2880, 32}, {"7B", 3840, 32}};
  const int64_t dim = facts.side("x_embedder.weight", 0);
  const int64_t layers = facts.count("layers.", ".attention.qkv.weight");
  for (const Preset& preset : kPresets) {
    if (preset.dim == dim && preset.layers == layers) return std::string("NextDiT ") + preset.name;
  }
  return concat("NextDiT of ", layers, " layers, width ", dim, ", ", facts.side("x_embedder.weight", 1), " channels");
}

// `prefix` is "" for the published weights, "encoder." inside an autoencoder.
std::string dinov3_name(const Facts& facts, const std::string& prefix) {
  struct Preset {
    const char* name;
    int64_t dim, depth;
    bool swiglu;
  };
  constexpr Preset kPresets[] = {{"vits16", 384, 12, false},     {"vits16plus", 384, 12, true},
                                 {"vitb16", 768, 12, false},     {"vitl16", 1024, 24, false},
                                 {"vitl16plus", 1024, 24, true}, {"vith16plus", 1280, 32, true},
                                 {"vit7b16", 4096, 40, true}};
  const bool hub = facts.has(prefix + "patch_embed.proj.weight");
  const int64_t dim = facts.side(prefix + (hub ? "patch_embed.proj.weight" : "embeddings.patch_embeddings.weight"), 0);
  const int64_t depth =
      hub ? facts.count(prefix + "blocks.", ".norm1.weight") : facts.count(prefix + "layer.", ".norm1.weight");
  const bool swiglu = facts.has(prefix + (hub ? "blocks.0.mlp.w1.weight" : "layer.0.mlp.gate_proj.weight"));
  for (const Preset& preset : kPresets) {
    if (preset.dim == dim && preset.depth == depth && preset.swiglu == swiglu)
      return std::string("DINOv3 ") + preset.name;
  }
  return concat("DINOv3 ViT of ", depth, " blocks, width ", dim);
}

bool is_dinov3(const Facts& facts, const std::string& prefix) {
  return facts.has(prefix + "storage_tokens") || facts.has(prefix + "embeddings.register_tokens");
}

Identity autoencoder(const Facts& facts, int64_t count) {
  const bool residual = facts.has_prefix("extra_vit.");
  std::string text = concat("SVG autoencoder ", residual ? "R (with the residual branch)" : "P", ", ",
                            facts.side("decoder.conv_in.weight", 1), " channels");
  text += is_dinov3(facts, "encoder.") ? ", encoder " + dinov3_name(facts, "encoder.") : ", without an encoder";
  if (facts.has_prefix("loss.")) text += ", with training losses";
  return {"autoencoder", text + parameters(count)};
}

Identity gemma(const Facts& facts, const std::string& prefix, int64_t count) {
  const int64_t layers = facts.count(prefix + "layers.", ".self_attn.q_proj.weight");
  const bool second = facts.has(prefix + "layers.0.pre_feedforward_layernorm.weight");
  return {second ? "gemma-2" : "unknown",
          concat(second ? "Gemma-2" : "Language model", " of ", layers, " layers, width ",
                 facts.side(prefix + "embed_tokens.weight", 1), parameters(count))};
}

}  // namespace

int64_t count_parameters(const Checkpoint& checkpoint) {
  int64_t count = 0;
  for (const auto& entry : checkpoint.tensors()) count += entry.second.elements();
  return count;
}

Identity identify(const Checkpoint& checkpoint) {
  const Facts facts(checkpoint);
  const int64_t count = count_parameters(checkpoint);
  if (checkpoint.tensors().empty()) return {"values", "plain values without tensors"};
  if (std::optional<Identity> foreign = identify_foreign(checkpoint)) {
    foreign->description += parameters(count);
    return *foreign;
  }
  if (facts.has("x_embedder.weight") && facts.has_prefix("layers.0.attention.")) {
    return {"next-dit", dit_name(facts) + parameters(count)};
  }
  if (facts.has("decoder.conv_in.weight")) return autoencoder(facts, count);
  if (is_dinov3(facts, "")) return {"dinov3", dinov3_name(facts, "") + parameters(count)};
  for (const std::string prefix : {"model.", ""}) {
    if (facts.has(prefix + "embed_tokens.weight") && facts.has(prefix + "layers.0.self_attn.q_proj.weight")) {
      return gemma(facts, prefix, count);
    }
  }
  if (facts.has("lin0.model.1.weight")) return {"lpips", "LPIPS perceptual metric" + parameters(count)};
  const bool statistics = facts.has("mean") && facts.has("std");
  if (statistics || facts.has("dinov3_sp_mean")) {
    return {"feature-statistics",
            concat("feature statistics ",
                   at::IntArrayRef(checkpoint.tensors().at(statistics ? "mean" : "dinov3_sp_mean").shape))};
  }
  if (facts.has_prefix("state.0.")) return {"optimizer", "optimizer state" + parameters(count)};
  return {"unknown", concat(checkpoint.tensors().size(), " tensors of an unknown model", parameters(count))};
}

std::shared_ptr<Checkpoint> open_model(const std::string& path, const std::string& wanted,
                                       const CheckpointOptions& options) {
  auto checkpoint = without_wrappers(open_checkpoint(path, options));
  if (const std::optional<Identity> foreign = identify_foreign(*checkpoint)) {
    throw Error(ErrorCode::kWeightsMismatch, concat(path, " is not ", wanted, ": it holds ", foreign->description),
                foreign->way_out);
  }
  refuse_quantised(*checkpoint);
  return checkpoint;
}

}  // namespace svg
