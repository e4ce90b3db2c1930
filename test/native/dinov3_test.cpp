#include "models/encoders/dinov3.h"

#include "golden.h"
#include "models/encoders/dinov3_names.h"
#include "shapes_only.h"
#include "temp_folder.h"

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

TEST_CASE("dinov3 agrees with transformers: plain MLP, dimensions from weights and config.json") {
  expect_golden("dinov3-hf-mlp");
}
TEST_CASE("dinov3 agrees with transformers: gated MLP, heads and rope_theta of its own, no registers") {
  expect_golden("dinov3-hf-heads");
}

TEST_CASE("dinov3 finds every published family in its own names and in Hugging Face's") {
  struct Family {
    const char* name;
    int64_t channels;
    int64_t parameters;  // of facebook/dinov3-NAME-pretrain-*, mask token included; vitl16plus was not published
  };
  for (const auto& [name, channels, parameters] : {Family{"vits16", 384, 21'596'544},
                                                   {"vits16plus", 384, 28'692'864},
                                                   {"vitb16", 768, 85'660'416},
                                                   {"vitl16", 1024, 303'129'600},
                                                   {"vitl16plus", 1024, 0},
                                                   {"vith16plus", 1280, 840'592'640},
                                                   {"vit7b16", 4096, 6'716'035'072}}) {
    const Dinov3Config want = Dinov3Config::preset(name);
    EXPECT(want.embed_dim == channels);
    const bool gated = want.ffn == Dinov3Config::Ffn::kSwiglu;
    const auto published = std::make_shared<ShapesOnly>();
    for (int64_t i = 0; i < want.depth; ++i) {
      for (const char* scale : {"ls1", "ls2"})
        published->shapes[concat("blocks.", i, ".", scale, ".gamma")] = {channels};
    }
    Dinov3(Weights(published), want);  // asks for all of its tensors
    const auto theirs = std::make_shared<ShapesOnly>();
    TensorMap meta;
    for (const auto& [key, shape] : published->shapes) meta[key] = at::empty(shape, at::device(at::kMeta));
    meta["mask_token"] = at::empty({1, channels}, at::device(at::kMeta));
    int64_t counted = 0;
    for (const auto& [key, tensor] : hugging_face_weights(meta, !gated)) {
      theirs->shapes[key] = tensor.sizes().vec();
      counted += tensor.numel();
    }
    EXPECT(parameters == 0 || counted == parameters);
    published->shapes["rope_embed.periods"] = {want.embed_dim / want.num_heads / 4};
    for (const auto& source : {published, theirs}) {
      const std::optional<Recognised> known = dinov3_kind().recognise(Weights(source));
      EXPECT(known && known->channels == channels && known->description == concat("DINOv3 ", name));
      const Dinov3Config got = Dinov3Config::infer(Weights(source));
      EXPECT(got.ffn == want.ffn && got.ffn_hidden == want.ffn_hidden && got.activation == want.activation);
      EXPECT(got.embed_dim == want.embed_dim && got.depth == want.depth && got.num_heads == want.num_heads);
      EXPECT(got.qkv_bias == want.qkv_bias && got.proj_bias && got.ffn_bias && got.mask_k_bias);
      EXPECT(got.storage_tokens == 4 && got.patch_size == 16 && got.norm_eps == 1e-5 && got.told_by_weights());
    }
  }
}

TEST_CASE("dinov3 takes from config.json what shapes do not tell, and refuses what contradicts them") {
  const GoldenCase golden(golden_folder("dinov3-hf-mlp"));
  const Weights weights = golden.weights();
  const Json given = Json::parse(read_bytes(golden.folder() + "/config.json"));
  const auto infer = [&](const char* key, const Json& value) {
    Json json = given;
    json.set(key, value);
    return Dinov3Config::infer(weights, json);
  };
  EXPECT(infer("num_attention_heads", 8).num_heads == 8 && infer("layer_norm_eps", 1e-6).norm_eps == 1e-6);
  EXPECT(infer("rope_theta", 50.0).rope_base == 50 && infer("hidden_act", "relu").activation == Activation::kRelu);
  EXPECT(!infer("hidden_act", "relu").told_by_weights() && !infer("layer_norm_eps", 1e-6).told_by_weights());
  Json newer = given;
  newer.set("rope_theta", Json()).set("rope_parameters", Json(Json::Object{{"rope_theta", 70.0}}));
  EXPECT(Dinov3Config::infer(weights, newer).rope_base == 70);
  newer.set("rope_theta", 100.0);  // which transformers 5 reads where both stand
  EXPECT(Dinov3Config::infer(weights, newer).rope_base == 100);
  for (const char* key :
       {"hidden_size", "intermediate_size", "num_hidden_layers", "num_register_tokens", "patch_size"}) {
    EXPECT_ERROR(infer(key, 1), ErrorCode::kWeightsMismatch, key);
  }
  EXPECT_ERROR(infer("use_gated_mlp", true), ErrorCode::kWeightsMismatch, "use_gated_mlp");
  EXPECT_ERROR(infer("key_bias", true), ErrorCode::kWeightsMismatch, "key_bias");
  EXPECT_ERROR(infer("mlp_bias", false), ErrorCode::kWeightsMismatch, "mlp_bias");
  EXPECT_ERROR(infer("hidden_act", "mish"), ErrorCode::kInvalidConfig, "mish");
  EXPECT_ERROR(infer("num_attention_heads", 3), ErrorCode::kWeightsMismatch, "3 heads");
  EXPECT_ERROR(infer("model_type", "dinov3_convnext"), ErrorCode::kInvalidConfig, "dinov3_convnext");
  EXPECT_ERROR(infer("rope_parameters", Json(Json::Object{{"rope_type", "yarn"}})), ErrorCode::kInvalidConfig, "yarn");
}

TEST_CASE("dinov3 computes a key's bias where it is stored, and layers without biases") {
  const GoldenCase golden(golden_folder("dinov3-hf-mlp"));
  TensorMap weights = golden.weight_map();
  const at::Tensor image = golden.input("image");
  const auto patches = [&] { return Dinov3(of(weights), Dinov3Config::infer(of(weights)))(image).patches; };
  const at::Tensor before = patches();
  weights["layer.0.attention.k_proj.bias"] = at::zeros({128});
  EXPECT(!Dinov3Config::infer(of(weights)).mask_k_bias && at::allclose(patches(), before));
  weights["layer.0.attention.k_proj.bias"] = at::arange(128).to(at::kFloat) / 32;
  EXPECT(!at::allclose(patches(), before, 1e-3, 1e-3));
  for (auto entry = weights.begin(); entry != weights.end();) {
    const bool bias = entry->first.ends_with("proj.bias");
    entry = bias ? weights.erase(entry) : std::next(entry);
  }
  const Dinov3Config bare = Dinov3Config::infer(of(weights));
  EXPECT(!bare.qkv_bias && !bare.proj_bias && !bare.ffn_bias && patches().isfinite().all().item<bool>());
}

TEST_CASE("dinov3 refuses register tokens of another shape: they were left out without a word") {
  EXPECT_ERROR(Dinov3Config::infer(of({{"embeddings.patch_embeddings.weight", at::zeros({64, 3, 16, 16})},
                                       {"embeddings.register_tokens", at::zeros({4, 64})},
                                       {"layer.0.mlp.up_proj.weight", at::zeros({8, 64})}})),
               ErrorCode::kWeightsMismatch, "register tokens have 2 dimensions");
}

TEST_CASE("dinov3 refuses timm's names, and strangers among the tensors, by name") {
  EXPECT_ERROR(Dinov3Config::infer(
                   of({{"patch_embed.proj.weight", at::zeros({4, 3, 16, 16})}, {"reg_token", at::zeros({1, 4, 4})}})),
               ErrorCode::kWeightsMismatch, "timm");
  const GoldenCase golden(golden_folder("dinov3-swiglu"));
  TensorMap weights = golden.weight_map();
  const auto build = [&] {
    const Weights source = of(weights);
    Dinov3(source, Dinov3Config::infer(source));
    refuse_unknown_tensors(source, "a DINOv3 ViT", Dinov3::is_spare);
  };
  weights["local_cls_norm.weight"] = at::ones({1});
  weights["mask_token"] = at::ones({1});
  build();
  weights["blocks.0.attn.qkv.lora_A"] = at::ones({1});
  EXPECT_ERROR(build(), ErrorCode::kWeightsMismatch, "blocks.0.attn.qkv.lora_A");
}

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
    // These heads are none of 64 channels, which config.json has to say.
    const Json heads = Json::object().set("num_attention_heads", config.num_heads);
    const Dinov3Config got = Dinov3Config::infer(theirs, heads);
    EXPECT(got.ffn == config.ffn && got.ffn_hidden == config.ffn_hidden && got.qkv_bias == config.qkv_bias);
    EXPECT(got.num_heads == config.num_heads);
    if (config.embed_dim % 64 != 0) {
      EXPECT_ERROR(Dinov3Config::infer(theirs), ErrorCode::kWeightsMismatch, "config.json");
    }
  }
}

TEST_CASE("dinov3 reads transformers 5's names in memory as those of files") {
  const GoldenCase golden(golden_folder("dinov3-hf-mlp"));
  TensorMap newer;
  for (const auto& [name, tensor] : golden.weight_map()) {
    newer[name.starts_with("layer.") ? "model." + name : name] = tensor;
  }
  const Json config = Json::parse(read_bytes(golden.folder() + "/config.json"));
  const at::Tensor image = golden.input("image");
  EXPECT(dinov3_kind().recognise(of(newer)));
  EXPECT(at::equal(Dinov3(of(newer), Dinov3Config::infer(of(newer), config))(image).patches,
                   Dinov3(golden.weights(), Dinov3Config::infer(golden.weights(), config))(image).patches));
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
