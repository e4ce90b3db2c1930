#include "models/encoders/dinov3_names.h"

#include <map>

#include "core/error.h"

namespace svg {
namespace {

bool starts_with(const std::string& text, const std::string& start) { return text.rfind(start, 0) == 0; }

class HuggingFaceDinov3 : public WeightSource {
 public:
  explicit HuggingFaceDinov3(Weights inner) : inner_(std::move(inner)), layers_(hugging_face_dinov3_layers(inner_)) {}

  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override {
    const std::string attention = joined_attention(name);
    if (attention.empty()) return inner_.get_optional(hugging_face_name(name), shape, init, role);
    std::vector<int64_t> third = shape.vec();
    third[0] /= 3;
    const std::string kind = name.substr(name.rfind('.'));  // ".weight" or ".bias"
    std::vector<at::Tensor> parts;
    at::Tensor any;
    for (const char* part : {"q", "k", "v"}) {
      const std::string name = attention + part + "_proj" + kind;
      // The key has no bias, and a home-made model may leave out others.
      parts.push_back(kind == ".bias" ? inner_.get_optional(name, third, init, role)
                                      : inner_.get(name, third, init, role));
      if (parts.back().defined()) any = parts.back();
    }
    if (!any.defined()) return {};
    for (at::Tensor& part : parts) {
      if (!part.defined()) part = at::zeros_like(any);
    }
    return at::cat(parts, 0);
  }

  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override {
    const std::string attention = joined_attention(name);
    if (attention.empty()) return inner_.shape_of(hugging_face_name(name));
    for (const char* part : {"q_proj", "v_proj", "k_proj"}) {
      auto shape = inner_.shape_of(attention + part + name.substr(name.rfind('.')));
      if (!shape || shape->empty()) continue;
      shape->at(0) *= 3;
      return shape;
    }
    return std::nullopt;
  }

  std::string description() const override { return inner_.description(); }
  std::vector<std::string> unused() const override { return inner_.unused(); }

 private:
  /// "layer.N.attention." for blocks.N.attn.qkv.{weight,bias}, else empty.
  std::string joined_attention(const std::string& name) const {
    const size_t at = name.find(".attn.qkv.");
    if (at == std::string::npos || name.find("bias_mask") != std::string::npos) return "";
    return layers_ + name.substr(std::string("blocks").size(), at - std::string("blocks").size()) + ".attention.";
  }

  std::string hugging_face_name(const std::string& name) const {
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
    std::string result = layers_ + name.substr(std::string("blocks").size());
    for (const auto& [published, theirs] : inside) {
      if (const size_t at = result.find(published); at != std::string::npos) {
        return result.replace(at, published.size(), theirs);
      }
    }
    return result;
  }

  Weights inner_;
  std::string layers_;
};

class MaskedDinov3Bias : public WeightSource {
 public:
  explicit MaskedDinov3Bias(Weights inner) : inner_(std::move(inner)) {}

  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override {
    const at::Tensor tensor = inner_.get_optional(name, shape, init, role);
    if (!tensor.defined() || !name.ends_with(".attn.qkv.bias")) return tensor;
    const at::Tensor mask = inner_.get_optional(name + "_mask", shape, Init::ones(), Role::kBuffer);
    if (mask.defined()) return at::where(mask == 0, at::zeros_like(tensor), tensor);
    const at::Tensor masked = tensor.clone();
    masked.chunk(3).at(1).zero_();
    return masked;
  }
  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override { return inner_.shape_of(name); }
  std::string description() const override { return inner_.description(); }
  std::vector<std::string> unused() const override { return inner_.unused(); }

 private:
  Weights inner_;
};

}  // namespace

std::string hugging_face_dinov3_layers(const Weights& weights) {
  return weights.has("model.layer.0.norm1.weight") ? "model.layer" : "layer";
}

bool has_hugging_face_dinov3_names(const Weights& weights) {
  return !weights.has("patch_embed.proj.weight") && weights.has("embeddings.patch_embeddings.weight");
}

void refuse_timm_dinov3_names(const Weights& weights) {
  for (const char* name : {"reg_token", "blocks.0.gamma_1", "blocks.0.attn.q_bias", "blocks.0.mlp.fc1_g.weight"}) {
    if (!weights.has(name)) continue;
    throw Error(
        ErrorCode::kWeightsMismatch,
        concat(weights.description(), " holds a DINOv3 under timm's names (\"", name, "\"), which are not read"),
        "Take the .pth of facebookresearch/dinov3, or the folder of facebook/dinov3-* that transformers reads.");
  }
}

Weights with_published_dinov3_names(const Weights& weights) {
  if (!has_hugging_face_dinov3_names(weights)) return weights;
  return Weights(std::make_shared<HuggingFaceDinov3>(weights));
}

Weights comparable_dinov3(const Weights& weights) {
  // Hugging Face's leave that bias out; where one stands it counts.
  if (has_hugging_face_dinov3_names(weights)) return with_published_dinov3_names(weights);
  return Weights(std::make_shared<MaskedDinov3Bias>(weights));
}

}  // namespace svg
