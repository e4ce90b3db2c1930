// Whose encoder counts where a checkpoint holds one and a file of one lies beside.
#include "models/encoder_choice.h"

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
  return holds_another_encoder({tensors_of(checkpoint), tensors_of(file)});
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
  EXPECT(!holds_another_encoder({tensors_of(all)}));
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
    EXPECT(!holds_another_encoder(files));
  }
}
