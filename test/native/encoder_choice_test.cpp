// Whose encoder counts where a checkpoint holds one and a file of one lies beside.
#include "models/encoder_choice.h"

#include <cmath>

#include "core/random_weights.h"
#include "core/rng.h"
#include "golden.h"
#include "io/model_config.h"
#include "models/catalogue.h"
#include "train/frozen_source.h"

using namespace svg;
using namespace svg::test;

namespace {

Weights tensors_of(TensorMap tensors) {
  return Weights(std::make_shared<MapSource>(std::move(tensors), "test weights"));
}

TensorMap encoder_inside(const TensorMap& all) {
  TensorMap part;
  for (const auto& [name, tensor] : all) {
    if (name.starts_with("encoder.")) part[name.substr(8)] = tensor;
  }
  return part;
}

TensorMap below_encoder(const TensorMap& tensors) {
  TensorMap prefixed;
  for (const auto& [name, tensor] : tensors) prefixed["encoder." + name] = tensor;
  return prefixed;
}

bool another(const TensorMap& checkpoint, const TensorMap& file) {
  return choose_encoder({tensors_of(checkpoint), tensors_of(file)}).inside;
}

/// Under published names.
TensorMap drawn(const Json& encoder) {
  const auto random = std::make_shared<RandomWeights>(seeded_generator(3), RandomWeights::Values::kRandom);
  const auto kept = std::make_shared<FrozenSource>(Weights(random), at::kCPU, at::kFloat);
  const EncoderPlan plan = encoder_plan(encoder);
  plan.build(Weights(kept));
  TensorMap tensors = kept->kept();
  for (const auto& [name, tensor] : plan.fixed_tensors()) tensors[name] = tensor;
  return tensors;
}

}  // namespace

TEST_CASE("a checkpoint's encoder is the file's as long as it is a copy, also a rounded one") {
  const TensorMap all = GoldenCase(golden_folder("autoencoder-r")).weight_map();
  const TensorMap file = encoder_inside(all);
  EXPECT(!another(all, file));
  for (const at::ScalarType dtype : {at::kBFloat16, at::kHalf}) {
    TensorMap rounded = all;
    for (auto& [name, tensor] : rounded) tensor = tensor.to(dtype);
    EXPECT(!another(rounded, file));
  }
}

TEST_CASE("a checkpoint's encoder is another as soon as one number was trained, wherever it stands") {
  const TensorMap all = GoldenCase(golden_folder("autoencoder-r")).weight_map();
  const TensorMap file = encoder_inside(all);
  for (const char* name : {"encoder.cls_token", "encoder.blocks.1.attn.qkv.weight", "encoder.norm.bias"}) {
    TensorMap trained = all;
    trained.at(name) = trained.at(name).clone();
    trained.at(name).view(-1)[0] += 1e-3;
    EXPECT(another(trained, file));
  }
  TensorMap shorter = all;
  std::erase_if(shorter, [](const auto& entry) { return entry.first.starts_with("encoder.blocks.1."); });
  EXPECT(another(shorter, file));
}

TEST_CASE("a file of another kind of encoder is not the checkpoint's") {
  const TensorMap all = GoldenCase(golden_folder("autoencoder-r")).weight_map();
  EXPECT(another(all, GoldenCase(golden_folder("mae")).weight_map()));
}

TEST_CASE("without an encoder inside, or without a file, nothing is to be chosen") {
  const TensorMap all = GoldenCase(golden_folder("autoencoder-r")).weight_map();
  TensorMap bare = all;
  std::erase_if(bare, [](const auto& entry) { return entry.first.starts_with("encoder."); });
  EXPECT(!another(bare, encoder_inside(all)));
  EXPECT(!choose_encoder({tensors_of(all)}).inside);
}

TEST_CASE("a copy under the published names is that of a file under Hugging Face's") {
  for (const char* name : {"dinov3-hf-mlp", "dinov2-registers", "mae-hf", "siglip2-whole"}) {
    const GoldenCase golden(golden_folder(name));
    const Weights file = tensors_of(golden.weight_map());
    const auto beside = [&] {
      return golden.config().is_string() ? read_model_config(golden.folder()) : golden.config();
    };
    const EncoderKind& kind = *recognise_encoder(file);
    const EncoderPlan plan = kind.infer(file, beside, Json());
    const auto copied = std::make_shared<FrozenSource>(kind.under_own_names(file), at::kCPU, at::kFloat);
    plan.build(Weights(copied));
    AutoencoderFiles files{tensors_of(below_encoder(copied->kept())), file};
    files.beside_encoder = beside;
    const EncoderChoice choice = choose_encoder(files);
    EXPECT(!choice.inside && choice.remark.empty());
  }
}

TEST_CASE("a copy is known under other names than the file's, whichever of the two has the published ones") {
  struct Renaming {
    const char* encoder;
    std::vector<std::pair<std::string, std::string>> parts;  // from published names, the first of each is replaced
  };
  const Renaming all[] = {
      {R"({"kind": "dinov2", "embed_dim": 64, "depth": 2, "image_size": 42, "ffn_layer": "swiglu"})",
       {{"patch_embed.proj", "embeddings.patch_embeddings.projection"},
        {"cls_token", "embeddings.cls_token"},
        {"pos_embed", "embeddings.position_embeddings"},
        {"norm.", "layernorm."},
        {"blocks.", "encoder.layer."},
        {"ls1.gamma", "layer_scale1.lambda1"},
        {"ls2.gamma", "layer_scale2.lambda1"},
        {"attn.proj", "attention.output.dense"},
        {"mlp.w12", "mlp.weights_in"},
        {"mlp.w3", "mlp.weights_out"}}},
      {R"({"kind": "mae", "embed_dim": 64, "depth": 2, "image_size": 48})",
       {{"patch_embed.proj", "embeddings.patch_embeddings.projection"},
        {"cls_token", "embeddings.cls_token"},
        {"pos_embed", "embeddings.position_embeddings"},
        {"blocks.", "encoder.layer."},
        {"norm1.", "layernorm_before."},
        {"norm2.", "layernorm_after."},
        {"norm.", "layernorm."},
        {"attn.proj", "attention.output.dense"},
        {"mlp.fc1", "intermediate.dense"},
        {"mlp.fc2", "output.dense"}}}};
  for (const Renaming& renaming : all) {
    const TensorMap published = drawn(Json::parse(renaming.encoder));
    TensorMap renamed;
    for (const auto& [stored, tensor] : published) {
      std::string name = stored;
      const size_t joined = name.find("attn.qkv");
      if (joined != std::string::npos) {
        for (int64_t i = 0; i < 3; ++i) {
          const char* parts[] = {"query", "key", "value"};
          std::string part = name;
          part.replace(joined, 8, std::string("attention.attention.") + parts[i]);
          renamed[part.replace(0, 7, "encoder.layer.")] = tensor.chunk(3)[static_cast<size_t>(i)];
        }
        continue;
      }
      for (const auto& [from, to] : renaming.parts) {
        const size_t at = name.find(from);
        if (at != std::string::npos && (at == 0 || name[at - 1] == '.')) name.replace(at, from.size(), to);
      }
      renamed[name] = tensor;
    }
    EXPECT(recognise_encoder(tensors_of(renamed)) == recognise_encoder(tensors_of(published)));
    EXPECT(!another(below_encoder(published), renamed) && !another(below_encoder(renamed), published));
    TensorMap trained = renamed;
    for (auto& [name, tensor] : trained) {
      if (name.ends_with("attention.value.weight")) tensor = tensor + 1e-3;
    }
    EXPECT(another(below_encoder(trained), published) && another(below_encoder(published), trained));
  }
}

TEST_CASE("what a model masks does not make another of it: the key's bias in DINOv3's published files") {
  const GoldenCase golden(golden_folder("dinov3-hf-mlp"));
  const Weights file = tensors_of(golden.weight_map());
  const EncoderKind& kind = *recognise_encoder(file);
  const auto copied = std::make_shared<FrozenSource>(kind.under_own_names(file), at::kCPU, at::kFloat);
  kind.infer(file, {}, Json()).build(Weights(copied));
  for (const bool stored : {false, true}) {
    TensorMap published = copied->kept();
    for (const auto& [name, tensor] : copied->kept()) {
      if (!name.ends_with(".attn.qkv.bias")) continue;
      published[name] = tensor.clone();
      published[name].chunk(3).at(1).fill_(stored ? NAN : 0.5);
      if (!stored) continue;
      published[name + "_mask"] = at::ones({tensor.size(0)}, at::kInt);
      published[name + "_mask"].chunk(3).at(1).zero_();
    }
    EXPECT(!another(below_encoder(published), golden.weight_map()));
    for (auto& [name, tensor] : published) {
      if (name.ends_with(".attn.qkv.bias")) tensor.chunk(3).at(2).add_(0.5);
    }
    EXPECT(another(below_encoder(published), golden.weight_map()));
  }
}

TEST_CASE("a deeper encoder that begins with the file's blocks is another") {
  const TensorMap all = GoldenCase(golden_folder("autoencoder-r")).weight_map();
  TensorMap deeper = all;
  for (const auto& [name, tensor] : all) {
    const std::string last = "encoder.blocks.1.";
    if (name.starts_with(last)) deeper["encoder.blocks.2." + name.substr(last.size())] = tensor;
  }
  EXPECT(another(deeper, encoder_inside(all)));
}

TEST_CASE("large matrices are compared by some of their rows, joined or apart") {
  const Json sizes = Json::parse(
      R"({"kind": "dinov2", "embed_dim": 192, "depth": 1, "num_heads": 3, "image_size": 42, "ffn_layer": "swiglu"})");
  const TensorMap published = drawn(sizes);
  EXPECT(!another(below_encoder(published), published));
  for (const char* name : {"blocks.0.attn.qkv.weight", "blocks.0.mlp.w12.weight", "blocks.0.mlp.w3.weight"}) {
    TensorMap trained = published;
    EXPECT(trained.at(name).numel() > 65536);
    trained.at(name) = trained.at(name) * 1.001;
    EXPECT(another(below_encoder(trained), published));
  }
}

TEST_CASE("an encoder inside that cannot be read leaves the file's, and says why") {
  const TensorMap file = drawn(Json::parse(R"({"kind": "dinov2", "embed_dim": 64, "depth": 1, "image_size": 42})"));
  const auto choice_of = [&](const TensorMap& inside) {
    return choose_encoder({tensors_of(below_encoder(inside)), tensors_of(file)});
  };
  TensorMap timm = file;
  timm["reg_token"] = at::zeros({1, 4, 64});
  timm.at("norm.bias") = timm.at("norm.bias") + 1;
  EXPECT(!choice_of(timm).inside && choice_of(timm).remark.find("timm") != std::string::npos);
  TensorMap adapted = file;
  const at::Tensor projection = adapted.at("blocks.0.attn.proj.weight");
  adapted.erase("blocks.0.attn.proj.weight");
  adapted["blocks.0.attn.proj.base_layer.weight"] = projection;
  EXPECT(!choice_of(adapted).inside && choice_of(adapted).remark.find("attn.proj.weight") != std::string::npos);
  TensorMap quantised = file;
  quantised.at("blocks.0.attn.proj.weight") = projection.to(at::kChar);
  EXPECT(!choice_of(quantised).inside && choice_of(quantised).remark.find("real numbers") != std::string::npos);
}

TEST_CASE("a config.json of something else beside a trained encoder is an error, not a reason to take the file") {
  const Json sizes = Json::parse(R"({"kind": "siglip2", "embed_dim": 64, "depth": 1, "num_heads": 1,
      "intermediate_size": 48, "image_size": 64, "patch_size": 16})");
  const TensorMap file = drawn(sizes);
  TensorMap trained = file;
  for (auto& [name, tensor] : trained) tensor = tensor + 0.1;
  AutoencoderFiles files{tensors_of(below_encoder(trained)), tensors_of(file)};
  files.beside_checkpoint = [] { return Json::parse(R"({"model_type": "gemma2", "hidden_size": 2304})"); };
  EXPECT_ERROR(choose_encoder(files), ErrorCode::kInvalidConfig, "config.json is of model_type \"gemma2\"");
  files.checkpoint = tensors_of(below_encoder(file));
  EXPECT(!choose_encoder(files).inside && choose_encoder(files).remark.empty());
}
