#include "models/dinov3.h"

#include "golden.h"
#include "models/dinov3_names.h"

using namespace svg;
using namespace svg::test;

namespace {

Weights of(TensorMap tensors) { return Weights(std::make_shared<MapSource>(std::move(tensors), "test weights")); }

void replace(std::string& text, const std::string& from, const std::string& to) {
  if (const size_t at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
}

/// The same weights as Hugging Face stores them: q, k, v apart, no bias of the key, no buffers.
TensorMap hugging_face_weights(const TensorMap& published, bool mlp) {
  TensorMap result;
  for (const auto& [published_name, value] : published) {
    std::string name = published_name;
    if (name == "rope_embed.periods" || name.find("bias_mask") != std::string::npos) continue;
    if (name == "cls_token" || name == "mask_token") name = "embeddings." + name;
    replace(name, "storage_tokens", "embeddings.register_tokens");
    replace(name, "patch_embed.proj", "embeddings.patch_embeddings");
    replace(name, "blocks.", "layer.");
    replace(name, ".ls1.gamma", ".layer_scale1.lambda1");
    replace(name, ".ls2.gamma", ".layer_scale2.lambda1");
    replace(name, ".attn.proj.", ".attention.o_proj.");
    replace(name, mlp ? ".mlp.fc1" : ".mlp.w1", mlp ? ".mlp.up_proj" : ".mlp.gate_proj");
    replace(name, mlp ? ".mlp.fc2" : ".mlp.w2", mlp ? ".mlp.down_proj" : ".mlp.up_proj");
    replace(name, ".mlp.w3", ".mlp.down_proj");
    if (name.find(".attn.qkv.") == std::string::npos) {
      result[name] = value;
      continue;
    }
    const std::vector<at::Tensor> parts = value.chunk(3, 0);
    const char* letters[] = {"q", "k", "v"};
    for (size_t i = 0; i < 3; ++i) {
      if (i == 1 && name.find(".bias") != std::string::npos) continue;
      std::string part = name;
      replace(part, ".attn.qkv.", std::string(".attention.") + letters[i] + "_proj.");
      result[part] = parts[i];
    }
  }
  return result;
}

}  // namespace

TEST_CASE("dinov3 agrees with the reference: MLP") { expect_golden("dinov3-mlp"); }
TEST_CASE("dinov3 agrees with the reference: SwiGLU, two images") { expect_golden("dinov3-swiglu"); }
TEST_CASE("dinov3 agrees with the reference: no qkv bias, aligned SwiGLU") { expect_golden("dinov3-7b-like"); }
TEST_CASE("dinov3 agrees with the reference: ViT-S/16+ in full size") { expect_golden("full-dinov3-vits16plus"); }

TEST_CASE("dinov3 reads its configuration off the weights") {
  for (const char* name : {"dinov3-mlp", "dinov3-swiglu", "dinov3-7b-like"}) {
    const GoldenCase golden(golden_folder(name));
    const Dinov3Config want = Dinov3Config::from_json(golden.config());
    const Dinov3Config got = Dinov3Config::infer(golden.weights());
    EXPECT(got.embed_dim == want.embed_dim && got.depth == want.depth && got.num_heads == want.num_heads);
    EXPECT(got.ffn == want.ffn && got.ffn_hidden == want.ffn_hidden && got.qkv_bias == want.qkv_bias);
    EXPECT(got.storage_tokens == want.storage_tokens && got.patch_size == want.patch_size);
  }
}

TEST_CASE("dinov3 knows the published architectures") {
  const Dinov3Config plus = Dinov3Config::preset("dinov3_vits16plus");
  EXPECT(plus.embed_dim == 384 && plus.ffn_hidden == 1536 && plus.ffn == Dinov3Config::Ffn::kSwiglu);
  const Dinov3Config largest = Dinov3Config::preset("vit7b16");
  EXPECT(largest.ffn_hidden == 8192 && !largest.qkv_bias && largest.num_heads == 32);
  EXPECT(Dinov3Config::preset("vith16plus").ffn_hidden == 5120);
  EXPECT_ERROR(Dinov3Config::preset("vits14"), ErrorCode::kInvalidConfig, "vits14");
}

TEST_CASE("dinov3 gives the same features from Hugging Face's names") {
  for (const char* name : {"dinov3-mlp", "dinov3-swiglu", "dinov3-7b-like"}) {
    const GoldenCase golden(golden_folder(name));
    const Dinov3Config config = Dinov3Config::from_json(golden.config());
    const Weights theirs = of(hugging_face_weights(golden.weight_map(), config.ffn == Dinov3Config::Ffn::kMlp));
    EXPECT(theirs.has("layer.0.attention.q_proj.weight") && !theirs.has("blocks.0.attn.qkv.weight"));
    const at::Tensor image = golden.input("image");
    const at::Tensor want = Dinov3(golden.weights(), config)(image).patches;
    EXPECT(at::equal(Dinov3(theirs, config)(image).patches, want));
    EXPECT(Dinov3Config::infer(theirs).ffn_hidden == config.ffn_hidden);
    EXPECT(Dinov3Config::infer(theirs).qkv_bias == config.qkv_bias);
  }
}

TEST_CASE("dinov3 refuses sides that are no multiple of the patch, and weights that are none of its own") {
  const GoldenCase golden(golden_folder("dinov3-mlp"));
  const Dinov3 model(golden.weights(), Dinov3Config::from_json(golden.config()));
  EXPECT_ERROR(model(at::zeros({1, 3, 64, 40})), ErrorCode::kInvalidArgument, "40x64");
  EXPECT_ERROR(model(at::zeros({1, 3, 40, 64})), ErrorCode::kInvalidArgument, "64x40");
  EXPECT_ERROR(model(at::zeros({3, 64, 64})), ErrorCode::kInvalidArgument, "(batch, 3, height, width)");
  EXPECT_ERROR(Dinov3Config::infer(of({{"x", at::zeros({1})}})), ErrorCode::kWeightsMismatch, "patch_embed");
  Dinov3Config wider = Dinov3Config::from_json(golden.config());
  wider.ffn_hidden = 100;
  EXPECT_ERROR(Dinov3(golden.weights(), wider), ErrorCode::kWeightsMismatch, "blocks.0.mlp.fc1.weight");
}

TEST_CASE("dinov3 in bf16 stays near fp32") {
  const GoldenCase golden(golden_folder("dinov3-swiglu"));
  const Dinov3Config config = Dinov3Config::from_json(golden.config());
  const auto source = std::make_shared<MapSource>(golden.weight_map(), "test weights", at::kCPU, at::kBFloat16);
  const at::Tensor got = Dinov3(Weights(source), config)(golden.input("image")).patches;
  const at::Tensor want = golden.output("patch_tokens");
  EXPECT(got.scalar_type() == at::kFloat);
  EXPECT_CLOSE((got - want).norm().item<double>() / want.norm().item<double>(), 0, 0.02);
}
