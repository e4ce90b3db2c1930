// Names as training tools store them, and weights that are not plain numbers.
#include "io/wrappers.h"

#include "check.h"
#include "io/inspect.h"
#include "io/model_config.h"
#include "io/quantised.h"
#include "io/safetensors_writer.h"
#include "io/torch_writer.h"
#include "temp_folder.h"

namespace svg::test {
namespace {

TensorMap named(const std::vector<std::string>& names) {
  TensorMap tensors;
  for (const std::string& name : names) tensors[name] = at::full({2, 2}, static_cast<double>(tensors.size()));
  return tensors;
}

std::vector<std::string> names_of(const Checkpoint& checkpoint) {
  std::vector<std::string> names;
  for (const auto& entry : checkpoint.tensors()) names.push_back(entry.first);
  return names;
}

using Names = std::vector<std::string>;

/// The names that are left of these, and the remark.
std::pair<Names, std::string> unwrapped(const std::vector<std::string>& names) {
  const TempFolder folder;
  write_safetensors(folder.path("a.safetensors"), named(names));
  const auto file = without_wrappers(open_checkpoint(folder.path("a.safetensors")));
  for (const auto& entry : file->tensors()) EXPECT(file->read(entry.first).numel() == 4);
  return {names_of(*file), file->remark()};
}

const Names kDit = {"layers.0.attention.qkv.weight", "x_embedder.weight"};

Names with_prefix(const std::string& prefix, const Names& names = kDit) {
  Names result;
  for (const std::string& name : names) result.push_back(prefix + name);
  return result;
}

Names both(Names a, const Names& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("wrappers: plain names stay, without a remark") {
  EXPECT(unwrapped(kDit) == std::make_pair(kDit, std::string()));
  for (const Names& names :
       {Names{"decoder.conv_in.weight", "encoder.patch_embed.proj.weight"},
        Names{"layer.0.x", "embeddings.patch_embeddings.weight"},
        Names{"lm_head.weight", "model.embed_tokens.weight", "model.layers.0.x"}, Names{"module.a", "module.b"}}) {
    Names sorted = names;
    std::sort(sorted.begin(), sorted.end());
    EXPECT(unwrapped(names) == std::make_pair(sorted, std::string()));
  }
}

TEST_CASE("wrappers: the name by which a larger model has its encoder stays, what stands before it does not") {
  for (const std::string name :
       {"vision_model.embeddings.patch_embedding.weight", "vit.embeddings.patch_embeddings.projection.weight",
        "dinov2.embeddings.patch_embeddings.projection.weight",
        "dinov2_with_registers.embeddings.patch_embeddings.projection.weight"}) {
    EXPECT(unwrapped({name, "x"}) == std::make_pair(Names{name, "x"}, std::string()));
    for (const std::string prefix : {"module.", "model.", "teacher."}) {
      const auto [names, remark] = unwrapped({prefix + name, prefix + "x"});
      EXPECT((names == Names{name, "x"}) && contains(remark, prefix));
    }
  }
  const Names inside = {"model.vision_tower.vision_model.embeddings.patch_embedding.weight"};  // of another model
  EXPECT(unwrapped(inside) == std::make_pair(inside, std::string()));
}

TEST_CASE("wrappers: prefixes of everyday tools are taken off and told") {
  for (const std::string prefix :
       {"module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "model.", "model.diffusion_model.",
        "model._orig_mod.", "_forward_module.", "_fsdp_wrapped_module.", "ema_model.module.", "net.", "dit."}) {
    const auto [names, remark] = unwrapped(with_prefix(prefix));
    EXPECT(names == kDit);
    EXPECT(contains(remark, "taken off"));
  }
  EXPECT(unwrapped({"layers.0._orig_mod.attention.qkv.weight", "x_embedder.weight"}).first == kDit);
  EXPECT(unwrapped({"layers.0._checkpoint_wrapped_module.attention.qkv.weight", "x_embedder.weight"}).first == kDit);
  for (const std::string own : {"ln1.weight", "s_embedder.proj.weight", "decoder_embed.weight",
                                "embeddings.patch_embeddings.projection.weight", "embeddings.patch_embedding.weight"}) {
    EXPECT(unwrapped(with_prefix("module.", {"blocks.0.x", own})).first == (Names{"blocks.0.x", own}));
  }
  const Names decoder = {"decoder.conv_in.weight", "encoder.x", "extra_vit.patch_embed.proj.weight"};
  EXPECT(unwrapped(with_prefix("module.", decoder)).first == decoder);
  EXPECT(unwrapped(with_prefix("model.", {"blocks.0.x", "patch_embed.proj.weight"})).first ==
         (Names{"blocks.0.x", "patch_embed.proj.weight"}));
  const Names gemma = {"lm_head.weight", "model.embed_tokens.weight"};
  EXPECT(unwrapped(with_prefix("module.", gemma)).first == gemma);
  EXPECT(unwrapped(with_prefix("model.", gemma)).first == gemma);
  EXPECT(unwrapped(with_prefix("model.", {"embeddings.patch_embeddings.weight"})).first ==
         Names{"embeddings.patch_embeddings.weight"});
}

TEST_CASE("wrappers: averages come before the weights beside them, and counters go") {
  EXPECT(unwrapped(both(with_prefix("module."), {"n_averaged"})).first == kDit);
  const auto [names, remark] =
      unwrapped(both(both(with_prefix("model."), with_prefix("ema_model.module.")), {"ema_model.n_averaged"}));
  EXPECT(names == kDit);
  EXPECT(contains(remark, "ema_model.module."));
  const auto ldm = unwrapped(both(with_prefix("model.diffusion_model."), {"first_stage_model.decoder.conv_in.weight",
                                                                          "cond_stage_model.x", "model_ema.decay"}));
  EXPECT(ldm.first == kDit);
  EXPECT(contains(ldm.second, "3 tensors of other copies and models"));
}

TEST_CASE("wrappers: a stranger inside the wrapper is left for the model to refuse") {
  EXPECT(unwrapped(both(with_prefix("module."), {"module.foo.bar"})).first ==
         (Names{"foo.bar", "layers.0.attention.qkv.weight", "x_embedder.weight"}));
  EXPECT(unwrapped(both(with_prefix("model.diffusion_model."), {"model.foo"})).first.size() == 3);
  EXPECT(unwrapped(both(with_prefix("module."), {"foo.bar"})).first.size() == 3);
  EXPECT_ERROR(unwrapped({"x_embedder.weight", "_orig_mod.x_embedder.weight"}), ErrorCode::kFileFormat, "two tensors");
}

TEST_CASE("wrappers: a file whose wrapper hides two tensors of one name is listed all the same") {
  const TempFolder folder;
  const std::string path = folder.path("a.safetensors");
  write_safetensors(path, named(both(kDit, with_prefix("module.", kDit))));
  const Json report = inspect_file(Request(Json::object().set("path", path), "inspect"));
  EXPECT(report.at("tensors").as_array().size() == 4);
}

TEST_CASE("wrappers: dicts of torch files, averages before the others") {
  const TempFolder folder;
  const auto opened = [&](const std::vector<std::string>& root, const TensorMap& tensors) {
    write_torch_file(folder.path("a.pth"), tensors, {root, Json::object()});
    return without_wrappers(open_checkpoint(folder.path("a.pth")));
  };
  for (const std::string root : {"state_dict", "model_state_dict", "params_ema", "params", "ema", "model", "module",
                                 "ema_state_dict", "state_dict_ema", "model_ema", "net"}) {
    const auto file = opened({root}, named(with_prefix("module.")));
    EXPECT(names_of(*file) == kDit && file->root() == std::vector<std::string>{root});
    EXPECT(contains(file->remark(), "module."));
    EXPECT(contains(file->remark(), "under") == (root != "state_dict" && root != "model"));
  }
  // One file that has several: a nested dict each, as dotted names of one level do not.
  EXPECT(names_of(*opened({"ema", "shadow"}, named(kDit))) == kDit);
}

TEST_CASE("quantised weights are refused by the name of what gives them away") {
  const TempFolder folder;
  const auto check = [&](const TensorMap& tensors) {
    write_safetensors(folder.path("a.safetensors"), tensors);
    refuse_quantised(*open_checkpoint(folder.path("a.safetensors")));
  };
  check(named({"x_embedder.weight", "layers.0.ls1.gamma", "scaling_layer.scale", "layer_scale1.lambda1"}));
  for (const std::string name :
       {"layers.0.w.scale_weight", "scaled_fp8", "a.weight_scale", "a.weight_scale_inv", "a.weight.scale", "b.qweight",
        "b.SCB", "b.weight.absmax", "b.input_scale", "b.weight.quant_state.bitsandbytes__nf4"}) {
    EXPECT_ERROR(check(named({"x_embedder.weight", name})), ErrorCode::kWeightsMismatch, name);
  }
  EXPECT_ERROR(check({{"a.weight", at::ones({2, 2}, at::kChar)}}), ErrorCode::kWeightsMismatch, "\"a.weight\" is int8");
  EXPECT_ERROR(check({{"a.weight", at::ones({2, 2}, at::kByte)}}), ErrorCode::kWeightsMismatch, "uint8");
  check({{"a.weight", at::ones({2, 2}).to(at::kFloat8_e4m3fn)}, {"n", at::ones({1}, at::kLong)}});
  // A Lightning checkpoint's losses are nobody's weights, and a type that is only listed is no whole number.
  check({{"loss.discriminator.main.3.scale", at::ones({2})}, {"loss.initialized", at::ones({1}, at::kByte)}});
  const std::string header = R"({"freqs_cis":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}})";
  const auto length = static_cast<char>(header.size());
  folder.write("c.safetensors", std::string(1, length) + std::string(7, '\0') + header + std::string(8, '\0'));
  refuse_quantised(*open_checkpoint(folder.path("c.safetensors")));
}

TEST_CASE("config.json beside weights: read, and refused where it is of quantised ones or no JSON object") {
  const TempFolder folder;
  EXPECT(read_model_config(folder.path()).is_null());
  folder.write("config.json", "{\"hidden_size\": 3}");
  EXPECT(read_model_config(folder.path()).at("hidden_size").as_int() == 3);
  EXPECT(read_model_config(folder.path("model.safetensors")).at("hidden_size").as_int() == 3);
  folder.write("config.json", R"({"quantization_config": {"quant_method": "compressed-tensors"}})");
  EXPECT_ERROR(read_model_config(folder.path()), ErrorCode::kWeightsMismatch, "compressed-tensors");
  folder.write("config.json", R"({"hidden_size": 3, "mean": [[[1, 2], [3, 4]]], "sizes": [[["x"]]]})");
  EXPECT(!read_model_config(folder.path()).find("mean"));
  EXPECT(read_model_config(folder.path()).at("sizes").is_array());
  // Brackets that nothing closes are looked at once, not once each.
  folder.write("config.json", "{\"mean\": " + std::string(1 << 20, '['));
  EXPECT_ERROR(read_model_config(folder.path()), ErrorCode::kFileFormat, "config.json");
  folder.write("config.json", "[]");
  EXPECT_ERROR(read_model_config(folder.path()), ErrorCode::kFileFormat, "config.json: not a JSON object");
  folder.write("config.json", std::string(5 << 20, ' '));
  EXPECT_ERROR(read_model_config(folder.path()), ErrorCode::kFileFormat, "config.json");
}

}  // namespace svg::test
