// Files of other libraries: what can be listed is listed, what cannot is named with the way out.
#include "check.h"
#include "io/checkpoint.h"
#include "io/convert.h"
#include "io/identify.h"
#include "io/inspect.h"
#include "io/safetensors_writer.h"
#include "io/torch_writer.h"
#include "io/verify.h"
#include "temp_folder.h"
#include "torch_bytes.h"

namespace svg {
namespace {

using namespace test;

std::string safetensors_bytes(const std::string& header, const std::string& data = "") {
  return raw(static_cast<uint64_t>(header.size())) + header + data;
}

Request conversion(const std::string& input, const std::string& output) {
  return {Json(Json::Object{{"input", input},
                            {"output", output},
                            {"dtype", "keep"},
                            {"quantize", "none"},
                            {"maxShardBytes", 5'000'000'000},
                            {"resume", true},
                            {"overwrite", false}}),
          "convert"};
}

Json inspect(const std::string& path) { return inspect_file(Request(Json::object().set("path", path), "inspect")); }

// A tensor as torch.save writes element types without a storage class of their own.
std::string untyped_tensor(const std::string& dtype, int64_t bytes, int64_t elements) {
  return "ctorch._utils\n_rebuild_tensor_v3\n((" + pickle_text("storage") + "ctorch.storage\nUntypedStorage\n" +
         pickle_text("0") + pickle_text("cpu") + pickle_int(bytes) + "tQ" + pickle_int(0) + pickle_tuple({elements}) +
         pickle_tuple({1}) + "\x89" + "ccollections\nOrderedDict\n)R" + "ctorch\n" + dtype + "\ntR";
}

std::string typed_tensor(const std::string& key, const std::string& storage, int64_t elements) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + pickle_text("storage") + "ctorch\n" + storage + "\n" +
         pickle_text(key) + pickle_text("cpu") + pickle_int(elements) + "tQ" + pickle_int(0) +
         pickle_tuple({elements}) + pickle_tuple({1}) + "\x89" + "ccollections\nOrderedDict\n)RtR";
}

std::string torch_file(const std::string& tensors, const std::vector<ZipPart>& storages) {
  std::vector<ZipPart> parts = {{"a/data.pkl", "\x80\x02}("s + tensors + "u."}};
  parts.insert(parts.end(), storages.begin(), storages.end());
  return zip_of(parts);
}

TEST_CASE("foreign files: safetensors without metadata, or with null, have an empty object") {
  const TempFolder folder;
  const std::string entry = R"("a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})";
  for (const std::string& header :
       {"{" + entry, R"({"__metadata__":null,)" + entry, R"({"__metadata__":{},)" + entry}) {
    const Json report = inspect(folder.write("a.safetensors", safetensors_bytes(header, "xy")));
    EXPECT(report.at("metadata").is_object() && report.at("metadata").as_object().empty());
    EXPECT(report.at("tensors").as_array().size() == 1);
    EXPECT(verify_file(Request(Json::object().set("path", folder.path("a.safetensors")), "verify")).at("ok").as_bool());
  }
}

TEST_CASE("foreign files: a plain state dict is listed once, values beside its tensors stay") {
  const TempFolder folder;
  write_torch_file(folder.path("plain.pth"), {{"layer.weight", at::ones({2, 3})}, {"layer.bias", at::ones({2})}});
  const Json plain = inspect(folder.path("plain.pth"));
  EXPECT(plain.at("tensors").as_array().size() == 2 && plain.at("metadata").as_object().empty());

  const std::string mixed = torch_file(pickle_text("w") + typed_tensor("0", "FloatStorage", 1) + pickle_text("nested") +
                                           "}(" + pickle_text("b") + typed_tensor("1", "FloatStorage", 1) + "u" +
                                           pickle_text("step") + pickle_int(7),
                                       {{"a/data/0", "0123"}, {"a/data/1", "0123"}});
  const Json report = inspect(folder.write("mixed.pth", mixed));
  EXPECT(report.at("tensors").as_array().size() == 2);
  EXPECT(report.at("metadata").dump() == R"({"step":7})");
  // A pickle of one plain value.
  const Json value = inspect(folder.write("value.pth", zip_of({{"a/data.pkl", "\x80\x02K\x05."}})));
  EXPECT(value.at("metadata").dump() == R"({"value":5})" && value.at("kind").as_string() == "values");
}

TEST_CASE("foreign files: element types that are only listed leave the rest of a safetensors file readable") {
  const TempFolder folder;
  struct Type {
    const char* name;
    const char* shown;
    int elements;
    int bytes;
  };
  for (const Type& type : {Type{"F4", "F4", 8, 4}, Type{"F6_E2M3", "F6_E2M3", 4, 3}, Type{"F6_E3M2", "F6_E3M2", 4, 3},
                           Type{"F8_E8M0", "float8_e8m0fnu", 4, 4}, Type{"F8_E4M3FNUZ", "float8_e4m3fnuz", 4, 4},
                           Type{"F8_E5M2FNUZ", "float8_e5m2fnuz", 4, 4}, Type{"C64", "complex64", 2, 16},
                           Type{"F3_TO_COME", "F3_TO_COME", 5, 7}}) {
    const auto bytes_of = [&](int elements, int bytes) {
      return safetensors_bytes(
          concat(R"({"ok":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":")", type.name,
                 R"(","shape":[)", elements, R"(],"data_offsets":[4,)", 4 + bytes, "]}}"),
          std::string(4 + static_cast<size_t>(bytes), '\0'));
    };
    const std::string path = folder.write("x.safetensors", bytes_of(type.elements, type.bytes));
    const auto file = open_checkpoint(path);
    EXPECT(file->read("ok").item<float>() == 0);
    EXPECT(file->tensors().at("w").type_name() == type.shown && file->tensors().at("w").bytes() == type.bytes);
    EXPECT_ERROR(file->read("w"), ErrorCode::kFileFormat, "\"w\" is of type");
    EXPECT(inspect(path).at("tensors").as_array()[1].at("dtype").as_string() == type.shown);
    EXPECT(inspect(path).at("parameters").as_int() == 1 + type.elements);
    EXPECT(verify_file(Request(Json::object().set("path", path), "verify")).at("ok").as_bool());
    EXPECT_ERROR(convert_file(conversion(path, folder.path("out.safetensors"))), ErrorCode::kFileFormat,
                 "\"w\" is of type");
    EXPECT(!std::filesystem::exists(folder.path("out.safetensors")));
    if (std::string(type.name) == "F3_TO_COME") continue;  // its size is nobody's guess
    EXPECT_ERROR(open_checkpoint(folder.write("y.safetensors", bytes_of(type.elements, type.bytes + 1))),
                 ErrorCode::kFileFormat, "bytes, its offsets give");
  }
  EXPECT_ERROR(
      open_checkpoint(folder.write("z.safetensors",
                                   safetensors_bytes(R"({"w":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}})", "x"))),
      ErrorCode::kFileFormat, "within a byte");
}

TEST_CASE("foreign files: element types that are only listed leave the rest of a torch file readable") {
  const TempFolder folder;
  for (const auto& [type, bytes] : std::vector<std::pair<std::string, int64_t>>{{"float8_e8m0fnu", 4},
                                                                                {"float8_e4m3fnuz", 4},
                                                                                {"float8_e5m2fnuz", 4},
                                                                                {"float4_e2m1fn_x2", 4},
                                                                                {"bits16", 8},
                                                                                {"complex32", 16},
                                                                                {"float128_to_come", 64}}) {
    const std::string path = folder.write(
        "x.pth", torch_file(pickle_text("ok") + typed_tensor("1", "FloatStorage", 1) + pickle_text("w") +
                                untyped_tensor(type, bytes, 4),
                            {{"a/data/0", std::string(static_cast<size_t>(bytes), '\0')}, {"a/data/1", "0123"}}));
    const auto file = open_checkpoint(path);
    EXPECT(file->read("ok").numel() == 1 && file->tensors().at("w").type_name() == type);
    EXPECT(file->tensors().at("w").bytes() == bytes);
    EXPECT_ERROR(file->read("w"), ErrorCode::kFileFormat, type);
    EXPECT(verify_file(Request(Json::object().set("path", path), "verify")).at("ok").as_bool());
    EXPECT_ERROR(open_checkpoint(
                     folder.write("y.pth", torch_file(pickle_text("w") + untyped_tensor(type, bytes, 5),
                                                      {{"a/data/0", std::string(static_cast<size_t>(bytes), '\0')}}))),
                 ErrorCode::kUnsafeFile, "beyond its storage");
  }
  const auto complex =
      open_checkpoint(folder.write("c.pth", torch_file(pickle_text("w") + typed_tensor("0", "ComplexFloatStorage", 2),
                                                       {{"a/data/0", std::string(16, '\0')}})));
  EXPECT(complex->tensors().at("w").type_name() == "complex64" && complex->tensors().at("w").bytes() == 16);
}

TEST_CASE("foreign files: sparse, quantised, nested and distributed tensors are named for what they are") {
  const TempFolder folder;
  const auto open_value = [&](const std::string& value) {
    return open_checkpoint(
        folder.write("x.pth", torch_file(pickle_text("w") + value, {{"a/data/0", "01234567"}, {"a/data/1", "0123"}})));
  };
  const std::string layout = "ctorch.serialization\n_get_layout\n(" + pickle_text("torch.sparse_coo") + "tR";
  const std::string indices = typed_tensor("0", "LongStorage", 1), values = typed_tensor("1", "FloatStorage", 1);
  EXPECT_ERROR(open_value("ctorch._utils\n_rebuild_sparse_tensor\n(" + layout + "(" + indices + values +
                          pickle_tuple({3}) + "\x88ttR"),
               ErrorCode::kFileFormat, "_rebuild_sparse_tensor");
  EXPECT_ERROR(open_value("ctorch._utils\n_rebuild_qtensor\n(" + values + "ctorch\nper_tensor_affine\n" + "tR"),
               ErrorCode::kFileFormat, "_rebuild_qtensor");
  EXPECT_ERROR(open_value("ctorch._utils\n_rebuild_qtensor\n((" + pickle_text("storage") + "ctorch\nQInt8Storage\n"),
               ErrorCode::kFileFormat, "x.pth");
  EXPECT_ERROR(open_value("ctorch._utils\n_rebuild_nested_tensor\n(" + values + indices + "tR"), ErrorCode::kFileFormat,
               "_rebuild_nested_tensor");
  EXPECT_ERROR(
      open_value("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch.nested._internal.nested_tensor\n_rebuild_njt\n"
                 "ctorch.nested._internal.nested_tensor\nNestedTensor\n(" +
                 values + "t}tR"),
      ErrorCode::kFileFormat, "_rebuild_njt");
  try {
    open_value(
        "ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_wrapper_subclass\n"
        "ctorch.distributed.tensor\nDTensor\n");
    EXPECT(false);
  } catch (const Error& error) {
    EXPECT(error.code() == ErrorCode::kFileFormat && error.hint().find("full_tensor()") != std::string::npos);
    EXPECT(std::string(error.what()).find("torch.distributed.tensor.DTensor") != std::string::npos);
  }
}

TEST_CASE("foreign files: distributed checkpoints and pipelines of diffusers name the way out") {
  const TempFolder folder;
  for (const std::string name : {".metadata", "__0_0.distcp"}) {
    folder.write(name, "PK\x03\x04 some of it");
    try {
      open_checkpoint(folder.path(name));
      EXPECT(false);
    } catch (const Error& error) {
      EXPECT(error.code() == ErrorCode::kFileFormat && error.hint().find("dcp_to_torch_save") != std::string::npos);
    }
  }
  EXPECT_ERROR(open_checkpoint(folder.path()), ErrorCode::kFileFormat, "distributed checkpoint");
  const TempFolder pipeline;
  pipeline.write("model_index.json", "{}");
  EXPECT_ERROR(open_checkpoint(pipeline.path()), ErrorCode::kFileFormat, "pipeline of diffusers");
}

TEST_CASE("foreign files: models of other libraries are identified, and refused where a model is to be made of them") {
  struct Foreign {
    const char* kind;
    const char* described;
    const char* hint;
    std::vector<std::string> names;
  };
  const std::vector<Foreign> all = {
      {"diffusers",
       "Lumina2Transformer2DModel",
       "SVG-T2I",
       {"layers.0.attn.to_q.weight", "time_caption_embed.timestep_embedder.linear_1.weight", "x_embedder.weight"}},
      {"adapter",
       "LoRA",
       "merge_and_unload",
       {"base_model.model.layers.0.attention.qkv.lora_A.weight",
        "base_model.model.layers.0.attention.qkv.lora_B.weight"}},
      {"timm", "timm", "facebookresearch/dinov3", {"patch_embed.proj.weight", "reg_token", "blocks.0.gamma_1"}},
      {"quantized",
       "compressed-tensors",
       "bf16",
       {"model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.weight_scale"}},
      {"quantized",
       "scaled fp8",
       "bf16",
       {"layers.0.attention.qkv.weight", "layers.0.attention.qkv.scale_weight", "scaled_fp8"}},
      {"quantized", "GPTQ", "bf16", {"model.layers.0.mlp.up_proj.qweight", "model.layers.0.mlp.up_proj.qzeros"}},
  };
  for (const Foreign& foreign : all) {
    const TempFolder folder;
    TensorMap tensors;
    for (const std::string& name : foreign.names) tensors[name] = at::ones({2});
    const std::string path = folder.path("model.safetensors");
    write_safetensors(path, tensors);
    const Json report = inspect(path);
    EXPECT(report.at("kind").as_string() == foreign.kind);
    EXPECT(report.at("description").as_string().find(foreign.described) != std::string::npos);
    EXPECT(report.at("hint").as_string().find(foreign.hint) != std::string::npos);
    EXPECT_ERROR(open_model(path, "a diffusion transformer"), ErrorCode::kWeightsMismatch,
                 "not a diffusion transformer");
  }
  // What only the config.json beside it tells.
  const TempFolder folder;
  write_safetensors(folder.path("diffusion_pytorch_model.safetensors"), {{"conv_in.weight", at::ones({2})}});
  folder.write("config.json", R"({"_class_name":"AutoencoderKL"})");
  EXPECT(inspect(folder.path()).at("description").as_string().find("AutoencoderKL of diffusers") != std::string::npos);
  // Ours are none of them.
  const TempFolder own;
  write_safetensors(own.path("a.safetensors"), {{"x_embedder.weight", at::ones({2, 2})}});
  EXPECT(!inspect(own.path("a.safetensors")).find("hint"));
  EXPECT(open_model(own.path("a.safetensors"), "anything")->has("x_embedder.weight"));
}

TEST_CASE("foreign files: a folder with both kinds of weights is read as sampling reads it") {
  const TempFolder folder;
  const std::vector<std::string> order = {"consolidated_ema.00-of-01.safetensors",
                                          "consolidated_ema.00-of-01.pth",
                                          "consolidated.00-of-01.safetensors",
                                          "consolidated.00-of-01.pth",
                                          "model.safetensors",
                                          "diffusion_pytorch_model.safetensors"};
  for (auto name = order.rbegin(); name != order.rend(); ++name) {
    const std::string tensor = "from " + *name;
    if (name->ends_with(".pth")) {
      write_torch_file(folder.path(*name), {{tensor, at::ones({1})}});
    } else {
      write_safetensors(folder.path(*name), {{tensor, at::ones({1})}});
    }
    EXPECT(open_checkpoint(folder.path())->has(tensor));
  }
}

}  // namespace
}  // namespace svg
