// Files of int8 weights: how they are written, what is read of them, and what is refused.
#include "check.h"
#include "io/checkpoint.h"
#include "io/compressed_tensors.h"
#include "io/convert.h"
#include "io/identify.h"
#include "io/inspect.h"
#include "io/model_config.h"
#include "io/quantised.h"
#include "io/safetensors_writer.h"
#include "io/torch_writer.h"
#include "io/verify.h"
#include "temp_folder.h"

namespace svg {
namespace {

using namespace test;

TensorMap layered_tensors() {
  at::Generator generator = at::detail::createCPUGenerator(11);
  TensorMap tensors;
  for (int i = 0; i < 4; ++i) {
    tensors[concat("layers.", i, ".weight")] = at::randn({24, 40}, generator);
    tensors[concat("layers.", i, ".bias")] = at::randn({24}, generator);
  }
  tensors["layers.2.weight"][5].zero_();
  tensors["embedder.weight"] = at::randn({8, 40}, generator);
  return tensors;
}

Json int8_request(const std::string& input, const std::string& output) {
  return Json::object()
      .set("input", input)
      .set("output", output)
      .set("dtype", "keep")
      .set("quantize", "int8")
      .set("maxShardBytes", 5'000'000'000)
      .set("resume", true)
      .set("overwrite", false);
}

TakesInt8 layers_alone(const Weights& weights) {
  if (!weights.has("layers.0.weight")) throw Error(ErrorCode::kInvalidArgument, "nothing to quantise");
  return [](const std::string& name, at::IntArrayRef) { return name.starts_with("layers."); };
}

Json convert(const Json& job) { return convert_file(Request(job, "convert"), {}, layers_alone); }

Json verify(const std::string& path) { return verify_file(Request(Json::object().set("path", path), "verify")); }

std::string problems_of(const std::string& path) { return verify(path).at("problems").dump(); }

/// What is in a quantised file, to be changed and written again.
struct Opened {
  TensorMap tensors;
  std::map<std::string, std::string> metadata = {{"format", "pt"}};

  explicit Opened(const std::string& path) {
    const auto file = open_checkpoint(path);
    for (const auto& entry : file->tensors()) tensors[entry.first] = file->read(entry.first).clone();
    metadata[kInt8MetadataKey] = file->metadata().at(kInt8MetadataKey).as_string();
  }
  std::string written(const TempFolder& folder) const {
    write_safetensors(folder.path("changed.safetensors"), tensors, metadata);
    return folder.path("changed.safetensors");
  }
};

Opened quantised(const TempFolder& folder) {
  write_torch_file(folder.path("in.pth"), layered_tensors());
  convert(int8_request(folder.path("in.pth"), folder.path("int8.safetensors")));
  return Opened(folder.path("int8.safetensors"));
}

TEST_CASE("int8 files: matrices are rounded as a plain file is, all else stays to the byte") {
  const TempFolder folder;
  const TensorMap tensors = layered_tensors();
  const Opened file = quantised(folder);
  EXPECT(file.tensors.size() == tensors.size() + 4);
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with("layers.") && name.ends_with(".weight")) {
      const Int8Rows wanted = to_int8(tensor);
      EXPECT(file.tensors.at(name).equal(wanted.values));
      EXPECT(file.tensors.at(name + "_scale").equal(wanted.scale.unsqueeze(1)));
    } else {
      EXPECT(file.tensors.at(name).equal(tensor));
    }
  }
  EXPECT(file.metadata.at(kInt8MetadataKey) ==
         R"({"version":1,"weights":"int8, per output channel, symmetric","left_out":["embedder.weight"]})");
  EXPECT(verify(folder.path("int8.safetensors")).at("ok").as_bool());
  const Json seen = inspect_file(Request(Json::object().set("path", folder.path("int8.safetensors")), "inspect"));
  EXPECT(seen.at("int8").dump() == R"({"matrices":4,"leftOut":["embedder.weight"]})");
  EXPECT(seen.at("parameters").as_int() == 4 * 24 * 41 + 8 * 40);
}

TEST_CASE("int8 files: are read multiplied out, or as they are") {
  const TempFolder folder;
  const Opened file = quantised(folder);
  const auto checkpoint = open_model(folder.path("int8.safetensors"), "a model");
  CheckpointSource source(checkpoint, at::kCPU, at::kBFloat16);
  EXPECT(source.is_int8());
  const std::optional<Int8Rows> rows = source.int8_rows("layers.1.weight");
  EXPECT(rows && rows->values.equal(file.tensors.at("layers.1.weight")) && rows->scale.dim() == 1);
  EXPECT(!source.int8_rows("embedder.weight") && !source.int8_rows("layers.9.weight"));
  const at::Tensor plain = source.find("layers.1.weight", {24, 40}, Init(), Role::kMatrix);
  EXPECT(plain.equal(from_int8(*rows, at::kBFloat16)));
  const std::vector<std::string> unused = source.unused();
  EXPECT(unused.size() == layered_tensors().size() - 1);  // a scale goes with its weight
  for (const auto& entry : layered_tensors()) source.find(entry.first, {}, Init(), Role::kMatrix);
  EXPECT(source.unused().empty());
}

TEST_CASE("int8 files: shards keep a weight and its scales together, resume, and join without an index") {
  const TempFolder folder;
  write_torch_file(folder.path("in.pth"), layered_tensors());
  Json job = int8_request(folder.path("in.pth"), folder.path("out"));
  job.set("maxShardBytes", 1500);
  const Json first = convert(job);
  EXPECT(first.at("files").as_array().size() > 3);
  const auto whole = open_checkpoint(folder.path("out"));
  EXPECT(find_int8_layout(*whole)->matrices.size() == 4);
  size_t shards = 0;
  for (const Json& path : first.at("files").as_array()) {
    if (path.as_string().ends_with(".json")) continue;
    ++shards;
    EXPECT(verify(path.as_string()).at("ok").as_bool());
    const auto shard = open_checkpoint(path.as_string());
    for (const auto& entry : shard->tensors()) {
      if (entry.first.ends_with("_scale")) EXPECT(shard->has(entry.first.substr(0, entry.first.size() - 6)));
    }
  }
  EXPECT(verify(folder.path("out")).at("ok").as_bool());
  std::filesystem::remove(folder.path("out/model.safetensors.index.json"));
  EXPECT(verify(folder.path("out")).at("ok").as_bool());
  std::filesystem::remove(first.at("files").as_array()[1].as_string());
  EXPECT(convert(job).at("kept").as_int() == static_cast<int64_t>(shards) - 1);
}

TEST_CASE("int8 files: are copied as they are, and multiplied out where a dtype is asked for") {
  const TempFolder folder;
  const Opened file = quantised(folder);
  Json job = int8_request(folder.path("int8.safetensors"), folder.path("copy.safetensors"));
  EXPECT_ERROR(convert(job), ErrorCode::kInvalidArgument, "is int8 already (int8: 4 of 5 matrices)");
  job.set("quantize", "none");
  EXPECT(convert(job).at("int8").at("matrices").as_int() == 4);
  EXPECT(read_bytes(folder.path("copy.safetensors")) == read_bytes(folder.path("int8.safetensors")));
  job.set("dtype", "fp32").set("output", folder.path("plain.safetensors"));
  EXPECT(!convert(job).find("int8"));
  const auto plain = open_checkpoint(folder.path("plain.safetensors"));
  EXPECT(!find_int8_layout(*plain) && plain->tensors().size() == layered_tensors().size());
  const at::Tensor wanted =
      file.tensors.at("layers.3.weight").to(at::kFloat) * file.tensors.at("layers.3.weight_scale");
  EXPECT(plain->read("layers.3.weight").equal(wanted));
}

TEST_CASE("int8 files: a dtype is of what is left out") {
  const TempFolder folder;
  write_torch_file(folder.path("in.pth"), layered_tensors());
  const Json job = int8_request(folder.path("in.pth"), folder.path("out.safetensors")).set("dtype", "bf16");
  convert(job);
  const auto file = open_checkpoint(folder.path("out.safetensors"));
  EXPECT(file->read("embedder.weight").scalar_type() == at::kBFloat16);
  EXPECT(file->read("layers.0.weight_scale").scalar_type() == at::kFloat);
  EXPECT(file->read("layers.0.weight").equal(to_int8(layered_tensors().at("layers.0.weight")).values));
}

TEST_CASE("int8 files: what has no such matrices, and what is not finite, is refused before it is written") {
  const TempFolder folder;
  write_torch_file(folder.path("other.pth"), {{"a.weight", at::ones({4, 4})}});
  const Json job = int8_request(folder.path("other.pth"), folder.path("out.safetensors"));
  EXPECT_ERROR(convert(job), ErrorCode::kInvalidArgument, "nothing to quantise");
  TensorMap tensors = layered_tensors();
  tensors["layers.1.weight"][3][3] = std::nan("");
  write_torch_file(folder.path("nan.pth"), tensors);
  EXPECT_ERROR(convert(int8_request(folder.path("nan.pth"), folder.path("out.safetensors"))), ErrorCode::kNumeric,
               "layers.1.weight");
  EXPECT(!std::filesystem::exists(folder.path("out.safetensors")));
}

TEST_CASE("int8 files: into a folder the small files beside the weights go along") {
  const TempFolder folder;
  std::filesystem::create_directories(folder.path("in"));
  write_safetensors(folder.path("in/model.safetensors"), layered_tensors());
  folder.write("in/config.json", "{}");
  folder.write("in/tokenizer.json", "{\"a\":1}");
  folder.write("in/notes.txt", "private");
  const Json job = int8_request(folder.path("in"), folder.path("out"));
  EXPECT(convert(job).at("files").as_array().size() == 3);
  EXPECT(read_bytes(folder.path("out/tokenizer.json")) == "{\"a\":1}");
  EXPECT(!std::filesystem::exists(folder.path("out/notes.txt")));
  EXPECT(convert(job).at("kept").as_int() == 1);
  folder.write("out/config.json", "{\"mine\":true}");
  EXPECT_ERROR(convert(job), ErrorCode::kInvalidArgument, "config.json exists and is not");
  EXPECT(read_bytes(folder.path("out/config.json")) == "{\"mine\":true}");
}

TEST_CASE("int8 files: weights never stand in a folder without the small files that they are read with") {
  const TempFolder folder;
  std::filesystem::create_directories(folder.path("in"));
  write_safetensors(folder.path("in/model.safetensors"), layered_tensors());
  folder.write("in/config.json", "{}");
  // In the way of what is being written, so that the copy fails.
  std::filesystem::create_directories(folder.path("out/.config.json.partial"));
  const Json job = int8_request(folder.path("in"), folder.path("out"));
  EXPECT_ERROR(convert(job), ErrorCode::kIo, "config.json");
  EXPECT(!std::filesystem::exists(folder.path("out/model.safetensors")));
  std::filesystem::remove(folder.path("out/.config.json.partial"));
  EXPECT(convert(job).at("kept").as_int() == 0);
  EXPECT(read_bytes(folder.path("out/config.json")) == "{}");
}

TEST_CASE("int8 files: damaged ones are refused by what is wrong with them") {
  const TempFolder folder;
  const Opened good = quantised(folder);
  const auto refused = [&](const char* what, const std::function<void(Opened&)>& damage) {
    Opened file = good;
    damage(file);
    const std::string path = file.written(folder);
    EXPECT_ERROR(open_model(path, "a model"), ErrorCode::kFileFormat, what);
    EXPECT(!verify(path).at("ok").as_bool());
    EXPECT(problems_of(path).find(what) != std::string::npos);
    const Json seen = inspect_file(Request(Json::object().set("path", path), "inspect"));
    EXPECT(seen.at("kind").as_string() == "quantized");
  };
  refused("has no scales beside it", [](Opened& f) { f.tensors.erase("layers.1.weight_scale"); });
  refused("has no int8 weight beside it", [](Opened& f) { f.tensors["layers.1.weight"] = at::ones({24, 40}); });
  refused("not numbers of shape [24, 1]", [](Opened& f) { f.tensors["layers.1.weight_scale"] = at::ones({24}); });
  refused("not numbers of shape [24, 1]", [](Opened& f) {
    f.tensors["layers.1.weight_scale"] = at::ones({24, 1}, at::kLong);
  });
  refused("is int8 and no matrix", [](Opened& f) { f.tensors["layers.0.bias"] = at::ones({24}, at::kChar); });
  refused("version 2", [](Opened& f) { f.metadata[kInt8MetadataKey] = R"({"version":2,"weights":"","left_out":[]})"; });
  refused("weights are", [](Opened& f) {
    f.metadata[kInt8MetadataKey] = R"({"version":1,"weights":"int8, per group","left_out":[]})";
  });
  refused("metadata svg_t2i_quantization", [](Opened& f) { f.metadata[kInt8MetadataKey] = "{"; });
  Opened point = good;
  point.tensors["layers.1.weight_zero_point"] = at::zeros({24, 1}, at::kChar);
  EXPECT_ERROR(open_model(point.written(folder), "a model"), ErrorCode::kFileFormat, "weight_zero_point");
}

TEST_CASE("int8 files: verify finds values and scales that nothing writes") {
  const TempFolder folder;
  const Opened good = quantised(folder);
  const auto told = [&](const char* what, const std::function<void(Opened&)>& damage) {
    Opened file = good;
    damage(file);
    EXPECT(problems_of(file.written(folder)).find(what) != std::string::npos);
  };
  told("1 values are -128", [](Opened& f) { f.tensors["layers.1.weight"][2][7] = -128; });
  told("2 scales are negative or no finite numbers", [](Opened& f) {
    f.tensors["layers.1.weight_scale"][0] = -1;
    f.tensors["layers.1.weight_scale"][1] = INFINITY;
  });
  told("1 rows hold numbers, and their scale is 0", [](Opened& f) { f.tensors["layers.2.weight"][5][0] = 3; });
  told("which is none", [](Opened& f) { f.tensors.erase("embedder.weight"); });
  told("lacks it", [](Opened& f) { f.tensors["more.weight"] = at::ones({2, 2}); });
  Opened negative = good;
  negative.tensors["layers.1.weight_scale"][0] = -1;
  CheckpointSource source(open_model(negative.written(folder), "a model"), at::kCPU, at::kFloat);
  EXPECT_ERROR(source.int8_rows("layers.1.weight"), ErrorCode::kFileFormat, "scales that are negative");
}

Json compressed_config() {
  return Json::parse(R"({"quantization_config": {
    "config_groups": {"group_0": {"format": "int-quantized", "input_activations": {"actorder": null, "block_structure":
    null, "dynamic": true, "group_size": null, "num_bits": 8, "observer": null, "observer_kwargs": {}, "strategy":
    "token", "symmetric": true, "type": "int"}, "output_activations": null, "targets": ["Linear"], "weights":
    {"actorder": null, "block_structure": null, "dynamic": false, "group_size": null, "num_bits": 8, "observer":
    "memoryless_minmax", "observer_kwargs": {}, "strategy": "channel", "symmetric": true, "type": "int"}}},
    "format": "int-quantized", "global_compression_ratio": null, "ignore": ["lm_head"], "kv_cache_scheme": null,
    "quant_method": "compressed-tensors", "quantization_status": "compressed", "sparsity_config": {},
    "transform_config": {}, "version": "0.20.1"}})");
}

TEST_CASE("int8 files: of compressed-tensors are read where their config says exactly this scheme") {
  const TempFolder folder;
  Opened file = quantised(folder);
  for (const char* name : {"layers.0.weight_scale", "layers.1.weight_scale"}) {
    file.tensors[name] = file.tensors[name].to(at::kBFloat16);
  }
  file.tensors["layers.1.weight"][2][7] = -128;  // theirs may be
  write_safetensors(folder.path("model.safetensors"), file.tensors);
  EXPECT_ERROR(open_model(folder.path("model.safetensors"), "a model"), ErrorCode::kWeightsMismatch, "quantised");
  folder.write("config.json", compressed_config().dump());
  EXPECT(find_int8_layout(*open_model(folder.path("model.safetensors"), "a model"))->matrices.size() == 4);
  EXPECT(read_model_config(folder.path("model.safetensors")).is_object());
  EXPECT(verify(folder.path("model.safetensors")).at("ok").as_bool());

  const auto other = [&](const std::string& from, const std::string& to) {
    std::string text = compressed_config().dump();
    const size_t at = text.find(from);
    EXPECT(at != std::string::npos);
    text.replace(at, from.size(), to);
    EXPECT(!is_compressed_int8(Json::parse(text)));
  };
  EXPECT(is_compressed_int8(compressed_config()));
  other(R"("num_bits":8)", R"("num_bits":4)");
  other(R"("strategy":"channel")", R"("strategy":"tensor")");
  other(R"("strategy":"token")", R"("strategy":"tensor")");
  other(R"("dynamic":true)", R"("dynamic":false)");
  other(R"("group_size":null)", R"("group_size":128)");
  other(R"("symmetric":true)", R"("symmetric":false)");
  other(R"("type":"int")", R"("type":"float")");
  other(R"("transform_config":{})", R"("transform_config":{"config_groups":{"R1":{}}})");
  other(R"("sparsity_config":{})", R"("sparsity_config":{"format":"sparse-bitmask"})");
  other(R"("kv_cache_scheme":null)", R"("kv_cache_scheme":{"num_bits":8})");
  other(R"("quant_method":"compressed-tensors")", R"("quant_method":"gptq")");
  folder.write("config.json", R"({"quantization_config":{"quant_method":"compressed-tensors"}})");
  EXPECT_ERROR(read_model_config(folder.path("model.safetensors")), ErrorCode::kWeightsMismatch, "quantization_config");
}

TEST_CASE("int8 files: wrappers of training tools are taken off what is quantised, and told") {
  const TempFolder folder;
  TensorMap wrapped;
  for (const auto& [name, tensor] : layered_tensors()) wrapped["module." + name] = tensor;
  wrapped["module.x_embedder.weight"] = at::ones({4, 4});
  write_torch_file(folder.path("in.pth"), wrapped);
  const Json report = convert(int8_request(folder.path("in.pth"), folder.path("out.safetensors")));
  EXPECT(report.at("remark").as_string().find("taken off") != std::string::npos);
  EXPECT(open_checkpoint(folder.path("out.safetensors"))->has("layers.0.weight_scale"));
}

}  // namespace
}  // namespace svg
