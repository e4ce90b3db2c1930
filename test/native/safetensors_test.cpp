// The safetensors reader's rules, one by one, and what the writer gives back.
#include "check.h"
#include "io/checkpoint.h"
#include "io/safetensors_writer.h"
#include "temp_folder.h"
#include "torch_bytes.h"

namespace svg {
namespace {

using namespace test;

std::shared_ptr<Checkpoint> open_header(const std::string& header, const std::string& data = "",
                                        const std::string& name = "file.safetensors") {
  static const TempFolder folder;
  return open_checkpoint(folder.write(name, raw(static_cast<uint64_t>(header.size())) + header + data));
}

#define EXPECT_MALFORMED(statement, part) EXPECT_ERROR(statement, ErrorCode::kFileFormat, part)

const std::string kPair = R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]})";

TEST_CASE("safetensors: a plain file, with padding, zero-sized tensors and metadata") {
  const auto file =
      open_header(R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                  R"("b":{"dtype":"I64","shape":[0,3],"data_offsets":[8,8]},)"
                  R"("c":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}   )",
                  std::string(8, '\0') + "\x07");
  EXPECT(file->tensors().size() == 3 && file->format() == "safetensors");
  EXPECT(file->metadata().at("format").as_string() == "pt");
  EXPECT(file->read("b").sizes() == at::IntArrayRef({0, 3}));
  EXPECT(file->read("c").item<int64_t>() == 7);
  EXPECT_ERROR(file->read("d"), ErrorCode::kWeightsMismatch, "\"d\"");
  EXPECT(open_header("{}")->tensors().empty());
}

TEST_CASE("safetensors: headers that lie are refused") {
  EXPECT_MALFORMED(open_header(kPair + "}", "xyz"), "describes 2 bytes");
  EXPECT_MALFORMED(open_header(kPair + "}", "x"), "describes 2 bytes");
  EXPECT_MALFORMED(open_header(kPair + R"(,"b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}})", "wxyz"),
                   "hole or overlap");
  EXPECT_MALFORMED(open_header(kPair + R"(,"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", "xyz"),
                   "hole or overlap");
  EXPECT_MALFORMED(open_header(kPair + R"(,"a":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}})", "xy"),
                   "duplicate key");
  EXPECT_MALFORMED(open_header(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}})", "xy"), "impossible offsets");
  EXPECT_MALFORMED(open_header(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[-1,1]}})", "xy"),
                   "impossible offsets");
  EXPECT_MALFORMED(open_header(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,2]}})", "xy"), "needs 3 bytes");
  EXPECT_MALFORMED(open_header(R"({"a":{"dtype":"U8","shape":[-2],"data_offsets":[0,2]}})", "xy"), "impossible shape");
  EXPECT_MALFORMED(open_header(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})"),
                   "impossible shape");
  EXPECT_MALFORMED(open_header(R"({"a":{"dtype":"U8","shape":[0,9223372036854775807,2],"data_offsets":[0,0]}})"),
                   "impossible shape");
  EXPECT_MALFORMED(open_header(R"({"a":{"dtype":"U8","shape":[1e30],"data_offsets":[0,0]}})"), "integer");
  EXPECT_MALFORMED(open_header(R"({"a":{"dtype":"x9","shape":[2],"data_offsets":[0,2]}})", "xy"), "impossible dtype");
  EXPECT_MALFORMED(open_header(R"({"a":{"dtype":"U8","shape":[2]}})", "xy"), "data_offsets");
  EXPECT_MALFORMED(open_header(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"x":1}})", "xy"), "fields");
  EXPECT_MALFORMED(open_header(R"({"a":3})"), "dtype");
  EXPECT_MALFORMED(open_header(R"({"__metadata__":{"a":1}})"), "string");
  EXPECT_MALFORMED(open_header(R"({"a":{"dtype":"U8","shape":[)" + std::string(1000, '[')), "file.safetensors");
  EXPECT_MALFORMED(open_header("{\"\xff\":{}}"), "UTF-8");
  EXPECT_MALFORMED(open_header(" {}"), "does not start with {");
  EXPECT_MALFORMED(open_header("[]"), "does not start with {");
}

TEST_CASE("safetensors: header lengths that do not fit are refused") {
  const TempFolder folder;
  EXPECT_MALFORMED(open_checkpoint(folder.write("a.safetensors", "1234")), "a.safetensors");
  EXPECT_MALFORMED(open_checkpoint(folder.write("b.safetensors", raw(uint64_t{100}) + "{}")), "b.safetensors");
  EXPECT_MALFORMED(open_checkpoint(folder.write("c.safetensors", raw(UINT64_MAX) + "{}")), "100 MB");
  EXPECT_MALFORMED(open_checkpoint(folder.write("d.safetensors", raw(uint64_t{0}) + "xx")), "does not start with {");
}

TEST_CASE("safetensors: the writer gives back every dtype, aligned") {
  const TempFolder folder;
  TensorMap tensors;
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf, at::kDouble, at::kLong, at::kInt, at::kShort,
                                     at::kChar, at::kByte, at::kBool, at::kFloat8_e4m3fn, at::kFloat8_e5m2}) {
    tensors[at::toString(dtype)] = at::arange(6, at::kFloat).reshape({2, 3}).to(dtype);
  }
  tensors["empty"] = at::empty({0, 4});
  tensors["scalar"] = at::scalar_tensor(2.5);
  tensors["transposed"] = at::arange(6, at::kFloat).reshape({2, 3}).t();
  const std::string path = folder.path("all.safetensors");
  write_safetensors(path, tensors, {{"note", "a \"quoted\" text"}});
  const auto file = open_checkpoint(path);
  EXPECT(file->tensors().size() == tensors.size());
  EXPECT(file->metadata().at("note").as_string() == "a \"quoted\" text");
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor read = file->read(name);
    EXPECT(read.scalar_type() == tensor.scalar_type() && read.sizes() == tensor.sizes());
    EXPECT(read.to(at::kDouble).equal(tensor.to(at::kDouble)));
  }
}

TEST_CASE("safetensors: matrices of whole cache lines begin with one, whatever stands beside them") {
  const TempFolder folder;
  TensorMap tensors = {{"a", at::ones({3}, at::kDouble)}, {"z", at::ones({5}, at::kByte)}};
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kChar}) {
    for (const char* name : {"b", "y"}) tensors[concat(name, at::toString(dtype))] = at::ones({16, 64}).to(dtype);
    tensors[concat("c", at::toString(dtype))] = at::ones({7}).to(dtype);
  }
  for (const size_t length : {0, 1, 30}) {
    write_safetensors(folder.path("x.safetensors"), tensors, {{"note", std::string(length, 'n')}});
    const auto file = open_checkpoint(folder.path("x.safetensors"));
    for (const auto& [name, tensor] : tensors) {
      const at::Tensor read = file->read(name);
      const auto at = reinterpret_cast<uintptr_t>(read.data_ptr());
      EXPECT(at % (tensor.nbytes() % 64 == 0 ? 64 : tensor.element_size()) == 0);
      EXPECT(read.equal(tensor));
    }
  }
}

TEST_CASE("safetensors: a file may be replaced while it is mapped") {
  const TempFolder folder;
  const std::string path = folder.path("x.safetensors");
  write_safetensors(path, {{"a", at::full({1000}, 1.0f)}});
  const at::Tensor mapped = open_checkpoint(path)->read("a");
  write_safetensors(path, {{"a", mapped + 1}});
  EXPECT(mapped.eq(1).all().item<bool>());
  EXPECT(open_checkpoint(path)->read("a").eq(2).all().item<bool>());
}

TEST_CASE("safetensors: a write that fails leaves nothing behind") {
  const TempFolder folder;
  EXPECT_ERROR(write_safetensors("/proc/nowhere/x.safetensors", {{"a", at::ones({1})}}), ErrorCode::kIo,
               "/proc/nowhere");
  EXPECT_ERROR(write_safetensors("/dev/full/x.safetensors", {{"a", at::ones({1})}}), ErrorCode::kIo, "/dev/full");
  {
    SafetensorsWriter writer(folder.path("x.safetensors"), {{"a", {at::kFloat, {1}}}}, {});
    EXPECT_ERROR(writer.commit(), ErrorCode::kInternal, "fewer");
  }
  EXPECT(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace svg
