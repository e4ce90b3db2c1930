// Conversion: dtypes, shards, resuming, and what must not be overwritten. Hashes and finite checks of verify.
#include "io/convert.h"

#include "check.h"
#include "core/crc32.h"
#include "core/sha256.h"
#include "io/checkpoint.h"
#include "io/inspect.h"
#include "io/safetensors_writer.h"
#include "io/torch_writer.h"
#include "io/verify.h"
#include "temp_folder.h"

namespace svg {
namespace {

using namespace test;

TensorMap some_tensors() {
  at::Generator generator = at::detail::createCPUGenerator(7);
  TensorMap tensors;
  for (int i = 0; i < 5; ++i) tensors[concat("layer.", i)] = at::randn({100}, generator);
  tensors["steps"] = at::arange(3);
  return tensors;
}

Json request(const std::string& input, const std::string& output) {
  return Json(Json::Object{{"input", input},
                           {"output", output},
                           {"dtype", "keep"},
                           {"quantize", "none"},
                           {"maxShardBytes", 5'000'000'000},
                           {"resume", true},
                           {"overwrite", false}});
}

TEST_CASE("convert: a torch file becomes one safetensors file, cast where asked") {
  const TempFolder folder;
  const TensorMap tensors = some_tensors();
  write_torch_file(folder.path("in.ckpt"), tensors, {{"state_dict"}, Json(Json::Object{{"epoch", 3}})});
  Json job = request(folder.path("in.ckpt"), folder.path("out.safetensors"));
  job.set("dtype", "bf16");
  const Json result = convert_file(Request(job, "convert"));
  EXPECT(result.at("files").as_array().size() == 1 && result.at("kept").as_int() == 0);
  const auto file = open_checkpoint(folder.path("out.safetensors"));
  EXPECT(file->read("layer.2").equal(tensors.at("layer.2").to(at::kBFloat16)));
  EXPECT(file->read("steps").equal(tensors.at("steps")));
  EXPECT(convert_file(Request(job, "convert")).at("kept").as_int() == 1);
  job.set("dtype", "fp32");
  EXPECT_ERROR(convert_file(Request(job, "convert")), ErrorCode::kInvalidArgument, "overwrite");
  job.set("overwrite", true);
  EXPECT(convert_file(Request(job, "convert")).at("kept").as_int() == 0);
  job.set("dtype", "int4");
  EXPECT_ERROR(convert_file(Request(job, "convert")), ErrorCode::kInvalidArgument, "int4");
}

TEST_CASE("convert: shards follow the size, resume after an interruption, and read as one") {
  const TempFolder folder;
  const TensorMap tensors = some_tensors();
  write_torch_file(folder.path("in.pth"), tensors);
  Json job = request(folder.path("in.pth"), folder.path("out"));
  job.set("maxShardBytes", 900);
  const Json first = convert_file(Request(job, "convert"));
  EXPECT(first.at("files").as_array().size() == 4);  // three shards and the index
  for (const auto& [name, tensor] : tensors) EXPECT(open_checkpoint(folder.path("out"))->read(name).equal(tensor));
  std::filesystem::remove(folder.path("out/model-00002-of-00003.safetensors"));
  std::filesystem::remove(folder.path("out/model.safetensors.index.json"));
  const Json second = convert_file(Request(job, "convert"));
  EXPECT(second.at("kept").as_int() == 2);
  EXPECT(open_checkpoint(folder.path("out"))->tensors().size() == tensors.size());
}

TEST_CASE("convert: a cancelled run leaves whole files only") {
  const TempFolder folder;
  write_torch_file(folder.path("in.pth"), some_tensors());
  Json job = request(folder.path("in.pth"), folder.path("out"));
  job.set("maxShardBytes", 900);
  const FileProgress stop = [](const std::string&, int64_t done, int64_t) {
    if (done > 1000) throw Error(ErrorCode::kCancelled, "stopped");
  };
  EXPECT_ERROR(convert_file(Request(job, "convert"), stop), ErrorCode::kCancelled, "stopped");
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path("out"))) {
    EXPECT(entry.path().extension() == ".safetensors");
    ++files;
  }
  EXPECT(files == 1);
}

TEST_CASE("convert: fp16 that overflows is refused") {
  const TempFolder folder;
  write_torch_file(folder.path("in.pth"), {{"big", at::full({2}, 1e6)}});
  Json job = request(folder.path("in.pth"), folder.path("out.safetensors"));
  job.set("dtype", "fp16");
  EXPECT_ERROR(convert_file(Request(job, "convert")), ErrorCode::kNumeric, "big");
  EXPECT(!std::filesystem::exists(folder.path("out.safetensors")));
}

TEST_CASE("torch writer: nested state dicts and extras come back") {
  const TempFolder folder;
  TensorMap tensors = some_tensors();
  tensors["half"] = at::ones({2, 2}, at::kHalf);
  tensors["flag"] = at::ones({2}, at::kBool);
  tensors["scalar"] = at::scalar_tensor(1.5);
  tensors["empty"] = at::empty({0, 2});
  const Json extras(Json::Object{
      {"epoch", 3}, {"big", int64_t{1} << 40}, {"lr", 0.5}, {"note", "x"}, {"list", Json::Array{Json(true), Json()}}});
  write_torch_file(folder.path("x.ckpt"), tensors, {{"outer", "state_dict"}, extras});
  CheckpointOptions options;
  options.root = {"outer", "state_dict"};
  const auto file = open_checkpoint(folder.path("x.ckpt"), options);
  EXPECT(file->tensors().size() == tensors.size());
  for (const auto& [name, tensor] : tensors) EXPECT(file->read(name).equal(tensor));
  EXPECT(file->metadata().at("big").as_int() == int64_t{1} << 40);
  EXPECT(file->metadata().at("list").as_array().size() == 2);
}

TEST_CASE("inspect: tells what a file is") {
  const TempFolder folder;
  write_torch_file(folder.path("stats.pt"), {{"mean", at::zeros({12, 384})}, {"std", at::ones({12, 384})}});
  const Json result = inspect_file(Request(Json(Json::Object{{"path", folder.path("stats.pt")}}), "inspect"));
  EXPECT(result.at("kind").as_string() == "feature-statistics");
  EXPECT(result.at("totalBytes").as_int() == 2 * 12 * 384 * 4);
  EXPECT(result.at("tensors").as_array()[0].at("dtype").as_string() == "float32");
}

TEST_CASE("verify: hashes, values that are not finite, wrong names") {
  const TempFolder folder;
  at::Tensor values = at::ones({4});
  const std::string path = folder.path("good.safetensors");
  write_safetensors(path, {{"a", values}});
  const std::string bytes = read_bytes(path);
  Json job(Json::Object{{"path", path}, {"sha256", sha256_hex(bytes.data(), bytes.size())}});
  EXPECT(verify_file(Request(job, "verify")).at("ok").as_bool());
  job.set("sha256", std::string(64, '0'));
  EXPECT(!verify_file(Request(job, "verify")).at("ok").as_bool());
  job.set("sha256", "xyz");
  EXPECT_ERROR(verify_file(Request(job, "verify")), ErrorCode::kInvalidArgument, "64");
  values[1] = std::nan("");
  values[2] = -INFINITY;
  write_torch_file(folder.path("bad-00000000.pth"), {{"a", values}});
  const Json bad = verify_file(Request(Json(Json::Object{{"path", folder.path("bad-00000000.pth")}}), "verify"));
  EXPECT(bad.at("nan").as_int() == 1 && bad.at("inf").as_int() == 1);
  EXPECT(bad.at("problems").as_array().size() == 2);
}

TEST_CASE("sha256 and crc32: the standards' own vectors") {
  EXPECT(sha256_hex("", 0) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT(sha256_hex("abc", 3) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const std::string million(1'000'000, 'a');
  Sha256 hash;
  for (size_t at = 0; at < million.size(); at += 1000) hash.update(million.data() + at, 1000);
  EXPECT(hash.finish() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT(crc32("123456789", 9) == 0xCBF43926);
  EXPECT(crc32("6789", 4, crc32("12345", 5)) == 0xCBF43926);
}

}  // namespace
}  // namespace svg
