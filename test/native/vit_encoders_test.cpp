// DINOv2, SigLIP2 and MAE: what they compute, what they read off weights, and what they refuse.
#include <c10/core/GradMode.h>

#include <cmath>

#include "core/random_weights.h"
#include "core/rng.h"
#include "golden.h"
#include "models/encoders/dinov2.h"
#include "models/encoders/mae.h"
#include "models/encoders/picture.h"
#include "models/encoders/siglip2.h"
#include "models/vit/sincos.h"
#include "shapes_only.h"

using namespace svg;
using namespace svg::test;

namespace {

Weights of(TensorMap tensors) { return Weights(std::make_shared<MapSource>(std::move(tensors), "test weights")); }

Json arch(const char* name) { return Json::object().set("arch", name); }

/// Below `prefix`, with the first of each of these parts replaced, in this order.
TensorMap renamed(const TensorMap& tensors, const std::string& prefix,
                  const std::vector<std::pair<std::string, std::string>>& parts) {
  TensorMap result;
  for (const auto& [stored, tensor] : tensors) {
    std::string name = prefix + stored;
    for (const auto& [from, to] : parts) {
      if (const size_t at = name.find(from); at != std::string::npos) name.replace(at, from.size(), to);
    }
    result[name] = tensor;
  }
  return result;
}

bool same(const VitConfig& a, const VitConfig& b) {
  return a.patch_size == b.patch_size && a.depth == b.depth && a.position_side == b.position_side &&
         a.registers == b.registers && a.block.width == b.block.width && a.block.num_heads == b.block.num_heads &&
         a.block.ffn_hidden == b.block.ffn_hidden && a.block.gated == b.block.gated &&
         a.block.activation == b.block.activation && a.block.layer_scale == b.block.layer_scale &&
         a.block.norm_eps == b.block.norm_eps && a.fixed_positions == b.fixed_positions;
}

/// Recorded as the model asks for them, with the buffers that files hold.
template <typename Build>
std::shared_ptr<ShapesOnly> shapes_of(Build build, const VitConfig& config, const TensorMap& buffers = {}) {
  const auto source = std::make_shared<ShapesOnly>();
  build(Weights(source), config);
  for (const auto& [name, tensor] : buffers) source->shapes[name] = tensor.sizes().vec();
  return source;
}

}  // namespace

TEST_CASE("dinov2 agrees with transformers: registers, antialiased positions of another grid") {
  expect_golden("dinov2-registers");
}
TEST_CASE("dinov2 agrees with facebookresearch's resizing under its names: SwiGLU, two images") {
  expect_golden("dinov2-published");
}
TEST_CASE("siglip2 agrees with transformers: the whole model's file and config.json, patches of 14, another grid") {
  expect_golden("siglip2-whole");
}
TEST_CASE("siglip2 agrees with transformers") { expect_golden("siglip2"); }
TEST_CASE("mae agrees with the reference") { expect_golden("mae"); }
TEST_CASE("mae agrees with transformers: its names, config.json, another grid") { expect_golden("mae-hf"); }

TEST_CASE("dinov2, siglip2 and mae are told from the names and shapes of every published size") {
  for (const char* name :
       {"dinov2_vits14", "dinov2_vitb14", "dinov2_vitl14", "dinov2_vitg14", "dinov2_vits14_reg", "dinov2_vitg14_reg"}) {
    const VitConfig want = dinov2::from_json(arch(name));
    const Weights weights(shapes_of(dinov2::build, want));
    EXPECT(dinov2::recognise(weights) && !mae::recognise(weights) && !siglip2::recognise(weights));
    EXPECT(same(dinov2::infer(weights), want));
  }
  for (const char* name : {"mae_vit_base_patch16", "mae_vit_large_patch16", "mae_vit_huge_patch14"}) {
    const VitConfig want = mae::from_json(arch(name));
    const Weights weights(shapes_of(mae::build, want, mae::buffers(want)));
    EXPECT(mae::recognise(weights) && !dinov2::recognise(weights) && !siglip2::recognise(weights));
    EXPECT(same(mae::infer(weights), want));
  }
  for (const char* name :
       {"siglip2-base-patch16-224", "siglip2-base-patch32-256", "siglip2-large-patch16-512",
        "siglip2-so400m-patch14-384", "siglip2-so400m-patch16-256", "siglip2-giant-opt-patch16-256"}) {
    const VitConfig want = siglip2::from_json(arch(name));
    const Weights weights(shapes_of(siglip2::build, want));
    EXPECT(siglip2::recognise(weights) && !dinov2::recognise(weights) && !mae::recognise(weights));
    EXPECT(same(siglip2::infer(weights), want));
  }
  const VitConfig giant = dinov2::from_json(arch("dinov2_vitg14"));
  EXPECT(giant.block.ffn_hidden == 4096 && giant.block.num_heads == 24 && giant.block.gated);
  EXPECT(siglip2::from_json(arch("siglip2-so400m-patch14-384")).position_side == 27);
  EXPECT_ERROR(dinov2::from_json(arch("dinov2_vits16")), ErrorCode::kInvalidConfig, "vits16");
  EXPECT_ERROR(siglip2::from_json(arch("siglip2-base-patch0-256")), ErrorCode::kInvalidConfig, "patch0");
  EXPECT_ERROR(siglip2::from_json(arch("siglip2-base-naflex")), ErrorCode::kInvalidConfig, "naflex");
  EXPECT_ERROR(mae::from_json(arch("mae")), ErrorCode::kInvalidConfig, "no architecture");
}

TEST_CASE("dinov2 reads transformers 5's names in memory as those of files") {
  const GoldenCase golden(golden_folder("dinov2-registers"));
  const TensorMap newer = renamed(golden.weight_map(), "dinov2_with_registers.",
                                  {{"attention.attention.query", "attention.q_proj"},
                                   {"attention.attention.key", "attention.k_proj"},
                                   {"attention.attention.value", "attention.v_proj"},
                                   {"attention.output.dense", "attention.o_proj"}});
  const VitConfig config = dinov2::from_json(golden.config());
  const at::Tensor image = golden.input("image");
  EXPECT(dinov2::recognise(of(newer)));
  EXPECT(at::equal(dinov2::build(of(newer), config)->tokens(image),
                   dinov2::build(golden.weights(), config)->tokens(image)));
}

TEST_CASE("dinov2 reads SwiGLU's gate apart from what it opens, as transformers 5 keeps them in memory") {
  const GoldenCase golden(golden_folder("dinov2-published"));
  TensorMap apart = renamed(golden.weight_map(), "",
                            {{"patch_embed.proj", "embeddings.patch_embeddings.projection"},
                             {"cls_token", "embeddings.cls_token"},
                             {"pos_embed", "embeddings.position_embeddings"},
                             {"norm.", "layernorm."},
                             {"blocks.", "encoder.layer."},
                             {"layernorm1", "norm1"},
                             {"ls1.gamma", "layer_scale1.lambda1"},
                             {"ls2.gamma", "layer_scale2.lambda1"},
                             {"attn.proj", "attention.o_proj"},
                             {"mlp.w3", "mlp.down_proj"}});
  const auto cut = [&](const std::string& joined, const std::vector<std::string>& parts) {
    for (const auto& [name, tensor] : TensorMap(apart)) {
      const size_t at = name.find(joined);
      if (at == std::string::npos) continue;
      const auto count = static_cast<int64_t>(parts.size());
      for (int64_t i = 0; i < count; ++i) {
        std::string part = name;
        apart[part.replace(at, joined.size(), parts[static_cast<size_t>(i)])] = tensor.chunk(count)[i];
      }
      apart.erase(name);
    }
  };
  cut("attn.qkv", {"attention.q_proj", "attention.k_proj", "attention.v_proj"});
  cut("mlp.w12", {"mlp.gate_proj", "mlp.up_proj"});
  const VitConfig config = dinov2::from_json(golden.config());
  EXPECT(dinov2::recognise(of(apart)) && same(dinov2::infer(of(apart), {}, 5), config));
  const at::Tensor image = at::randn({1, 3, 56, 56});  // the stored positions' own grid
  EXPECT(at::allclose(dinov2::build(of(apart), config)->tokens(image),
                      dinov2::build(golden.weights(), config)->tokens(image), 1e-5, 1e-5));
}

TEST_CASE("pixels beyond the last whole patch go unread where transformers leaves them, and are refused elsewhere") {
  const GoldenCase golden(golden_folder("siglip2-whole"));  // patches of 14
  const auto model = siglip2::build(golden.weights(), siglip2::infer(golden.weights(), {}, 3));
  const at::Tensor image = at::randn({1, 3, 59, 69});
  EXPECT(at::equal(model->tokens(image), model->tokens(image.slice(2, 0, 56).slice(3, 0, 56))));
  EXPECT_ERROR(model->tokens(image.slice(2, 0, 13)), ErrorCode::kInvalidArgument, "69x13");
}

TEST_CASE("dinov2 takes the public constructor's word for how positions are resized, and layers without scales") {
  const GoldenCase golden(golden_folder("dinov2-published"));
  Json json = golden.config();
  const at::Tensor image = golden.input("image");
  const auto tokens = [&] { return dinov2::build(golden.weights(), dinov2::from_json(json))->tokens(image); };
  const at::Tensor usual = tokens();
  json.set("interpolate_offset", 0.1);
  EXPECT(at::equal(tokens(), usual));
  json.set("interpolate_antialias", true);
  EXPECT(!at::allclose(tokens(), usual));
  TensorMap bare = golden.weight_map();
  std::erase_if(bare, [](const auto& entry) { return entry.first.ends_with(".gamma"); });
  TensorMap ones = golden.weight_map();
  for (auto& [name, tensor] : ones) {
    if (name.ends_with(".gamma")) tensor = at::ones_like(tensor);
  }
  const VitConfig config = dinov2::from_json(golden.config());
  EXPECT(at::allclose(dinov2::build(of(bare), config)->tokens(image), dinov2::build(of(ones), config)->tokens(image),
                      1e-5, 1e-5));
  // Told from an MAE by what that does not have.
  for (const auto& [name, shape] : std::map<std::string, std::vector<int64_t>>{
           {"mask_token", {1, config.block.width}}, {"register_tokens", {1, 2, config.block.width}}}) {
    TensorMap marked = bare;
    marked[name] = at::zeros(shape);
    EXPECT(dinov2::recognise(of(marked)) && !mae::recognise(of(marked)));
    EXPECT(!dinov2::infer(of(marked), {}, 5).block.layer_scale);
  }
  bare.erase("mask_token");
  EXPECT(mae::recognise(of(bare)) && !dinov2::recognise(of(bare)));
}

TEST_CASE("an encoder with patches of 14 gives a feature for each cell of 16, whatever the picture's shape") {
  const VitConfig config =
      dinov2::from_json(Json::object().set("embed_dim", 64).set("depth", 1).set("num_heads", 1).set("img_size", 70));
  const auto drawn = std::make_shared<RandomWeights>(seeded_generator(3), RandomWeights::Values::kRandom);
  const auto model = dinov2::build(Weights(drawn), config);
  const at::Tensor image = at::rand({2, 3, 48, 80}) * 2 - 1;
  const at::Tensor got = model->features(image, {3, 5});
  EXPECT(got.sizes() == at::IntArrayRef({2, 64, 3, 5}));
  const at::Tensor resized = at::upsample_bicubic2d(imagenet_normalised(image), {42, 70}, /*align_corners=*/false);
  EXPECT(at::equal(got.flatten(2).transpose(1, 2), model->tokens(resized).slice(1, 1)));
  EXPECT_ERROR(model->features(image, {0, 5}), ErrorCode::kInvalidArgument, "0 x 5 cells");
  EXPECT_ERROR(model->tokens(image), ErrorCode::kInvalidArgument, "80x48");
}

TEST_CASE("siglip2 takes pixels of mean and deviation 0.5: a picture in [-1, 1] as it is") {
  const at::Tensor image = at::rand({1, 3, 4, 4}) * 2 - 1;
  const VitConfig config = siglip2::from_json(Json::object());
  EXPECT(at::allclose(normalised_picture(image, config.pixel_mean, config.pixel_deviation), image, 1e-5, 1e-6));
}

TEST_CASE("sine-cosine positions are MAE's, column first, and a grid's own") {
  const VitConfig config = mae::from_json(Json::object().set("embed_dim", 8).set("num_heads", 1).set("img_size", 48));
  const at::Tensor table = mae::buffers(config).at("pos_embed");
  EXPECT(table.sizes() == at::IntArrayRef({1, 10, 8}) && table.slice(1, 0, 1).abs().max().item<double>() == 0);
  const at::Tensor second = table[0][1 + 3 + 2];  // row 1, column 2
  EXPECT_CLOSE(second[0].item<double>(), std::sin(2.0), 1e-6);
  EXPECT_CLOSE(second[1].item<double>(), std::sin(0.02), 1e-6);
  EXPECT_CLOSE(second[2].item<double>(), std::cos(2.0), 1e-6);
  EXPECT_CLOSE(second[4].item<double>(), std::sin(1.0), 1e-6);
  EXPECT(sincos_positions(8, 2, 5).sizes() == at::IntArrayRef({10, 8}));
  EXPECT_ERROR(sincos_positions(6, 2, 2), ErrorCode::kInvalidConfig, "a width of 6");
}

TEST_CASE("the last norm without its weight and bias leaves what files hold of them alone") {
  const GoldenCase golden(golden_folder("dinov2-registers"));
  VitConfig config = dinov2::from_json(golden.config());
  config.norm_affine = false;
  const at::Tensor image = golden.input("image"), want = golden.output("tokens");
  const TensorMap weights = golden.weight_map();
  const at::Tensor plain = dinov2::build(golden.weights(), config)->tokens(image);
  const at::Tensor got = plain * weights.at("layernorm.weight") + weights.at("layernorm.bias");
  EXPECT(at::allclose(got, want, 1e-3, 1e-4));
  TensorMap without = weights;
  without.erase("layernorm.weight");
  without.erase("layernorm.bias");
  EXPECT(at::equal(dinov2::build(of(without), config)->tokens(image), plain));
}

TEST_CASE("encoders that are built without gradients learn their positions too") {
  const auto learns = [](auto build, const VitConfig& config, const char* positions, int64_t pixels) {
    const auto source = std::make_shared<TrainableSource>(TensorMap{}, seeded_generator(1));
    const auto model = [&] {
      c10::NoGradGuard as_in_the_engine;
      return build(Weights(source), config);
    }();
    model->features(at::ones({1, 3, pixels, pixels}), {pixels / config.patch_size, pixels / config.patch_size})
        .square()
        .sum()
        .backward();
    for (const auto& [name, parameter] : source->parameters()) {
      if (!parameter.grad().defined()) throw Failure{name + " learns nothing"};
    }
    return source->parameters().contains(positions);
  };
  const Json sizes = Json::object().set("embed_dim", 64).set("depth", 1).set("num_heads", 1);
  Json small = sizes;
  EXPECT(learns(dinov2::build, dinov2::from_json(small.set("img_size", 28)), "pos_embed", 28));
  small = sizes;
  EXPECT(learns(siglip2::build, siglip2::from_json(small.set("image_size", 32).set("patch_size", 16)),
                "embeddings.position_embedding.weight", 32));
}

TEST_CASE("the encoders name what they refuse") {
  const GoldenCase golden(golden_folder("dinov2-registers"));
  TensorMap weights = golden.weight_map();
  EXPECT_ERROR(dinov2::infer(of(weights)), ErrorCode::kWeightsMismatch, "config.json");  // 48 channels, no heads of 64
  EXPECT(dinov2::infer(of(weights), Json::object().set("num_attention_heads", 4)).block.num_heads == 4);
  EXPECT_ERROR(dinov2::infer(of(weights), Json::object().set("num_hidden_layers", 3)), ErrorCode::kWeightsMismatch,
               "num_hidden_layers 3");
  EXPECT_ERROR(dinov2::infer(of(weights), Json::object().set("model_type", "vit_mae")), ErrorCode::kInvalidConfig,
               "vit_mae");
  EXPECT_ERROR(dinov2::infer(of({{"reg_token", at::zeros({1, 4, 8})}})), ErrorCode::kWeightsMismatch, "timm");
  weights["embeddings.position_embeddings"] = at::zeros({1, 25, 48});
  EXPECT_ERROR(dinov2::infer(of(weights)), ErrorCode::kWeightsMismatch, "no square");
  EXPECT_ERROR(dinov2::infer(of({{"x", at::zeros({1})}})), ErrorCode::kWeightsMismatch, "holds no dinov2");
  EXPECT_ERROR(siglip2::infer(of({{"vision_model.embeddings.patch_embedding.weight", at::zeros({8, 768})}})),
               ErrorCode::kWeightsMismatch, "NaFlex");
  EXPECT_ERROR(mae::infer(of({{"fc_norm.weight", at::zeros({8})}})), ErrorCode::kWeightsMismatch, "fine-tuned");
  EXPECT_ERROR(dinov2::from_json(Json::object().set("ffn_layer", "identity")), ErrorCode::kInvalidConfig, "identity");
}

TEST_CASE("spare tensors of published files are known, strangers are not") {
  for (const char* name : {"mask_token", "embeddings.mask_token", "classifier.weight"}) EXPECT(dinov2::is_spare(name));
  for (const char* name : {"vision_model.head.probe", "head.mlp.fc1.weight", "text_model.head.weight", "logit_bias"}) {
    EXPECT(siglip2::is_spare(name));
  }
  for (const char* name : {"mask_token", "decoder_blocks.0.norm1.weight", "decoder.mask_token", "head.weight"}) {
    EXPECT(mae::is_spare(name));
  }
  for (const char* name : {"blocks.0.attn.qkv.lora_A", "encoder.layers.0.adapter.weight"}) {
    EXPECT(!dinov2::is_spare(name) && !siglip2::is_spare(name) && !mae::is_spare(name));
  }
}

TEST_CASE("mae reads the names that transformers 5 has in memory, which diffusers writes") {
  const GoldenCase golden(golden_folder("mae-hf"));
  const auto tokens = [&](const std::vector<std::pair<std::string, std::string>>& parts) {
    const Weights weights = of(renamed(golden.weight_map(), "", parts));
    EXPECT(mae::recognise(weights) && !dinov2::recognise(weights));
    return mae::build(weights, mae::infer(weights, Json(), 3))->tokens(golden.input("image"));
  };
  const at::Tensor want = tokens({});
  EXPECT(at::equal(tokens({{"intermediate.dense", "mlp.fc1"},
                           {"output.dense", "mlp.fc2"},
                           {"attention.mlp.fc2", "attention.output.dense"}}),
                   want));
  EXPECT(at::equal(tokens({{"encoder.layer.", "layers."},
                           {"attention.attention.query", "attention.q_proj"},
                           {"attention.attention.key", "attention.k_proj"},
                           {"attention.attention.value", "attention.v_proj"},
                           {"attention.output.dense", "attention.o_proj"},
                           {"intermediate.dense", "mlp.fc1"},
                           {"output.dense", "mlp.fc2"}}),
                   want));
}

TEST_CASE("the encoders in bf16 stay near fp32") {
  for (const char* name : {"siglip2", "mae"}) {
    const GoldenCase golden(golden_folder(name));
    const auto source = std::make_shared<MapSource>(golden.weight_map(), "test weights", at::kCPU, at::kBFloat16);
    const auto model = golden.module() == "mae" ? mae::build(Weights(source), mae::from_json(golden.config()))
                                                : siglip2::build(Weights(source), siglip2::from_json(golden.config()));
    const at::Tensor got = model->tokens(golden.input("image")), want = golden.output(golden.output_names()[0]);
    EXPECT(got.scalar_type() == at::kFloat);
    EXPECT_CLOSE((got - want).norm().item<double>() / want.norm().item<double>(), 0, 0.03);
  }
}
