// Folders and indexes: which files are opened, and which indexes are refused.
#include "check.h"
#include "io/checkpoint.h"
#include "io/safetensors_writer.h"
#include "io/torch_writer.h"
#include "temp_folder.h"

namespace svg {
namespace {

using namespace test;

void write_tensor(const TempFolder& folder, const std::string& file, const std::string& name) {
  write_safetensors(folder.path(file), {{name, at::ones({2})}});
}

TEST_CASE("sharded: an index joins its shards") {
  const TempFolder folder;
  write_tensor(folder, "one.safetensors", "a");
  write_tensor(folder, "two.safetensors", "b");
  const std::string index =
      folder.write("model.safetensors.index.json",
                   R"({"metadata":{"total_size":16},"weight_map":{"a":"one.safetensors","b":"two.safetensors"}})");
  for (const std::string& path : {index, folder.path()}) {
    const auto file = open_checkpoint(path);
    EXPECT(file->format() == "safetensors (sharded)" && file->files().size() == 3);
    EXPECT(file->read("b").numel() == 2 && file->metadata().at("total_size").as_int() == 16);
  }
}

TEST_CASE("sharded: hostile and broken indexes are refused") {
  const TempFolder folder;
  write_tensor(folder, "one.safetensors", "a");
  const auto open_index = [&](const std::string& text) { return open_checkpoint(folder.write("x.index.json", text)); };
  for (const std::string name : {"../one.safetensors", "/etc/passwd", "..", ".", "", "a/b", "x.index.json"}) {
    EXPECT_ERROR(open_index(R"({"weight_map":{"a":")" + name + "\"}}"), ErrorCode::kUnsafeFile, "beside the index");
  }
  EXPECT_ERROR(open_index(R"({"weight_map":{"a":3}})"), ErrorCode::kUnsafeFile, "x.index.json");
  EXPECT_ERROR(open_index(R"({"weight_map":{"a":"gone.safetensors"}})"), ErrorCode::kFileNotFound, "gone.safetensors");
  EXPECT_ERROR(open_index(R"({"weight_map":{"z":"one.safetensors"}})"), ErrorCode::kFileFormat, "\"z\" is not in");
  EXPECT_ERROR(open_index(R"({"weight_map":[]})"), ErrorCode::kFileFormat, "x.index.json");
  EXPECT_ERROR(open_index(R"({})"), ErrorCode::kFileFormat, "weight_map");
  std::filesystem::create_directory(folder.path("sub"));
  EXPECT_ERROR(open_index(R"({"weight_map":{"a":"sub"}})"), ErrorCode::kFileFormat, "is a folder");
}

TEST_CASE("sharded: a folder is opened where it is clear what is meant") {
  const TempFolder folder;
  EXPECT_ERROR(open_checkpoint(folder.path()), ErrorCode::kFileNotFound, "no checkpoint");
  write_torch_file(folder.path("some.pth"), {{"a", at::ones({1})}});
  EXPECT(open_checkpoint(folder.path())->format() == "torch zip");
  write_torch_file(folder.path("other.pth"), {{"a", at::ones({1})}});
  EXPECT_ERROR(open_checkpoint(folder.path()), ErrorCode::kInvalidArgument, "other.pth, some.pth");
  write_torch_file(folder.path("consolidated.00-of-01.pth"), {{"c", at::ones({1})}});
  EXPECT(open_checkpoint(folder.path())->has("c"));
  write_tensor(folder, "model.safetensors", "m");
  EXPECT(open_checkpoint(folder.path())->has("c"));  // as sampling takes it
  std::filesystem::remove(folder.path("consolidated.00-of-01.pth"));
  EXPECT(open_checkpoint(folder.path())->has("m"));
}

TEST_CASE("sharded: a full set of shards needs no index, a part of one is refused") {
  const TempFolder folder;
  write_tensor(folder, "model-00001-of-00002.safetensors", "a");
  EXPECT_ERROR(open_checkpoint(folder.path("model-00002-of-00002.safetensors")), ErrorCode::kFileNotFound, "00002");
  write_tensor(folder, "model-00002-of-00002.safetensors", "b");
  EXPECT(open_checkpoint(folder.path())->tensors().size() == 2);
  write_tensor(folder, "model-00002-of-00002.safetensors", "a");
  EXPECT_ERROR(open_checkpoint(folder.path()), ErrorCode::kFileFormat, "two shards");
  std::filesystem::rename(folder.path("model-00002-of-00002.safetensors"),
                          folder.path("model-00003-of-00003.safetensors"));
  EXPECT_ERROR(open_checkpoint(folder.path()), ErrorCode::kInvalidArgument, "no index");
}

}  // namespace
}  // namespace svg
