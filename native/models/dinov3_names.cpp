#include "models/dinov3_names.h"

#include <map>

#include "core/error.h"

namespace svg {
namespace {

bool starts_with(const std::string& text, const std::string& start) { return text.rfind(start, 0) == 0; }

class HuggingFaceDinov3 : public WeightSource {
 public:
  explicit HuggingFaceDinov3(Weights inner) : inner_(std::move(inner)) {}

  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override {
    const std::string attention = joined_attention(name);
    if (attention.empty()) return inner_.get_optional(hugging_face_name(name), shape, init, role);
    std::vector<int64_t> third = shape.vec();
    third[0] /= 3;
    const std::string kind = name.substr(name.rfind('.'));  // ".weight" or ".bias"
    std::vector<at::Tensor> parts;
    for (const char* part : {"q", "k", "v"}) {
      parts.push_back(inner_.get_optional(attention + part + "_proj" + kind, third, init, role));
    }
    if (!parts[0].defined() || !parts[2].defined()) return {};
    if (!parts[1].defined()) parts[1] = at::zeros_like(parts[0]);  // the key has no bias
    return at::cat(parts, 0);
  }

  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override {
    const std::string attention = joined_attention(name);
    if (attention.empty()) return inner_.shape_of(hugging_face_name(name));
    auto shape = inner_.shape_of(attention + "q_proj" + name.substr(name.rfind('.')));
    if (shape) shape->at(0) *= 3;
    return shape;
  }

  std::string description() const override { return inner_.description(); }

 private:
  /// "layer.N.attention." for blocks.N.attn.qkv.{weight,bias}, else empty.
  static std::string joined_attention(const std::string& name) {
    const size_t at = name.find(".attn.qkv.");
    if (at == std::string::npos || name.find("bias_mask") != std::string::npos) return "";
    return "layer" + name.substr(std::string("blocks").size(), at - std::string("blocks").size()) + ".attention.";
  }

  static std::string hugging_face_name(const std::string& name) {
    static const std::map<std::string, std::string> whole = {
        {"cls_token", "embeddings.cls_token"},
        {"mask_token", "embeddings.mask_token"},
        {"storage_tokens", "embeddings.register_tokens"},
        {"patch_embed.proj.weight", "embeddings.patch_embeddings.weight"},
        {"patch_embed.proj.bias", "embeddings.patch_embeddings.bias"},
    };
    static const std::vector<std::pair<std::string, std::string>> inside = {
        {".attn.proj.", ".attention.o_proj."},   {".ls1.gamma", ".layer_scale1.lambda1"},
        {".ls2.gamma", ".layer_scale2.lambda1"}, {".mlp.w1.", ".mlp.gate_proj."},
        {".mlp.w2.", ".mlp.up_proj."},           {".mlp.w3.", ".mlp.down_proj."},
        {".mlp.fc1.", ".mlp.up_proj."},          {".mlp.fc2.", ".mlp.down_proj."},
    };
    if (const auto found = whole.find(name); found != whole.end()) return found->second;
    if (!starts_with(name, "blocks.")) return name;
    std::string result = "layer" + name.substr(std::string("blocks").size());
    for (const auto& [published, theirs] : inside) {
      if (const size_t at = result.find(published); at != std::string::npos) {
        return result.replace(at, published.size(), theirs);
      }
    }
    return result;
  }

  Weights inner_;
};

}  // namespace

Weights with_published_dinov3_names(const Weights& weights) {
  if (weights.has("patch_embed.proj.weight") || !weights.has("embeddings.patch_embeddings.weight")) return weights;
  return Weights(std::make_shared<HuggingFaceDinov3>(weights));
}

}  // namespace svg
