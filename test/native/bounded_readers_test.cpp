// Readers end: whatever a file says, in little work and memory, at a signal, and without the process dying.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <limits>
#include <thread>

#include "check.h"
#include "core/cancel.h"
#include "io/checkpoint.h"
#include "io/mapped_file.h"
#include "io/regular_file.h"
#include "io/safetensors_writer.h"
#include "io/torch_writer.h"
#include "io/verify.h"
#include "temp_folder.h"
#include "torch_bytes.h"

namespace svg {
namespace {

using namespace test;

std::string repeat(const std::string& part, size_t count) {
  std::string text;
  text.reserve(part.size() * count);
  for (size_t i = 0; i < count; ++i) text += part;
  return text;
}

std::string tensor_of_storage_0() {
  const std::string pickle = tensor_pickle(1, 0, {1}, {1});
  return pickle.substr(3 + pickle_text("w").size(), pickle.size() - 3 - pickle_text("w").size() - 2);
}

// {"l": [d, d, ...]}: one dict of `pairs` pairs, referred to `references` times; in it perhaps a tensor.
std::string many_references(size_t pairs, size_t references, bool tensor) {
  const std::string key = pickle_text("k") + "q\1";
  const std::string extra = tensor ? pickle_text("w") + tensor_of_storage_0() : "";
  const std::string dict = "0}q\2(" + repeat("h\1N", pairs) + extra + "u0";
  const std::string pickle =
      "\x80\x02" + key + dict + "}" + pickle_text("l") + "](" + repeat("h\2", references) + "es.";
  return zip_of({{"a/data.pkl", pickle}, {"a/data/0", "0123"}});
}

TEST_CASE("bounded readers: a dict that is referred to again and again is looked through once") {
  const TempFolder folder;
  const auto plain = open_checkpoint(folder.write("plain.pth", many_references(400'000, 9'000, false)));
  EXPECT(plain->tensors().empty() && plain->metadata().is_object());
  EXPECT_ERROR(open_checkpoint(folder.write("more.pth", many_references(400'000, 400'000, false))),
               ErrorCode::kUnsafeFile, "unfold");
  EXPECT_ERROR(open_checkpoint(folder.write("tensor.pth", many_references(400'000, 100'000, true))),
               ErrorCode::kUnsafeFile, "unfold");
  // Members of a dict that all refer to one large dict, each shown as plain values.
  std::string members;
  for (int i = 0; i < 9'000; ++i) members += pickle_text(std::to_string(i)) + "h\2";
  const std::string pickle =
      "\x80\x02" + pickle_text("k") + "q\1" + "0}q\2(" + repeat("h\1N", 500'000) + "u0}(" + members + "u.";
  EXPECT(open_checkpoint(folder.write("members.pth", zip_of({{"a/data.pkl", pickle}})))->tensors().empty());
}

TEST_CASE("bounded readers: values nested without end are read or refused") {
  const TempFolder folder;
  // A tuple in a tuple in a tuple ..., without an open mark.
  const std::string tuples = "\x80\x02N" + repeat("\x85", 1'000'000) + ".";
  EXPECT(open_checkpoint(folder.write("tuples.pth", zip_of({{"a/data.pkl", tuples}})))->tensors().empty());
  const std::string deep = "\x80\x02" + tensor_of_storage_0() + repeat("\x85", 1'000'000) + ".";
  EXPECT_ERROR(open_checkpoint(folder.write("deep.pth", zip_of({{"a/data.pkl", deep}, {"a/data/0", "0123"}}))),
               ErrorCode::kUnsafeFile, "unfold");
  // A state dict that holds itself.
  const std::string cycle =
      "\x80\x02}q\1(" + pickle_text("model") + "h\1" + pickle_text("w") + tensor_of_storage_0() + "u.";
  EXPECT_ERROR(open_checkpoint(folder.write("cycle.pth", zip_of({{"a/data.pkl", cycle}, {"a/data/0", "0123"}}))),
               ErrorCode::kUnsafeFile, "e");
}

TEST_CASE("bounded readers: a long text that is used again and again is not copied each time") {
  const TempFolder folder;
  const std::string text = pickle_text(std::string(1'000'000, 'a') + "DType") + "q\1";
  const std::string globals =
      "\x80\x04" + pickle_text("numpy.dtypes") + "q\2" + text + repeat("h\2h\1\x93"s + "0", 100'000) + ".";
  EXPECT_ERROR(open_checkpoint(folder.write("globals.pth", zip_of({{"a/data.pkl", globals}}))), ErrorCode::kUnsafeFile,
               "asks for");
  const std::string paths = "\x80\x02" + pickle_text(std::string(4000, 'a')) + "q\1" +
                            repeat("0cpathlib\nPosixPath\nh\1\x85R", 200'000) + ".";
  EXPECT_ERROR(open_checkpoint(folder.write("paths.pth", zip_of({{"a/data.pkl", paths}}))), ErrorCode::kUnsafeFile,
               "unfold");
}

TEST_CASE("bounded readers: reading a file ends when it is told to") {
  const TempFolder folder;
  const std::atomic<bool> cancelled{true};
  const std::string path = folder.write("x.pth", many_references(20'000, 2'000, false));
  const CancelScope scope(cancelled);
  EXPECT_ERROR(open_checkpoint(path), ErrorCode::kCancelled, "cancelled");
}

TEST_CASE("bounded readers: JSON of nothing but values is refused before it fills memory") {
  const TempFolder folder;
  for (const std::string unit : {"1,", "[],", "{},", "\"\","}) {
    const std::string header = "{\"a\":[" + repeat(unit, 12'000'000 / unit.size()) + "1]}";
    EXPECT_ERROR(open_checkpoint(folder.write("a.safetensors", raw(static_cast<uint64_t>(header.size())) + header)),
                 ErrorCode::kFileFormat, "too many values");
  }
  EXPECT_ERROR(read_json_file(folder.write("c.json", repeat(" ", 5'000'000))), ErrorCode::kFileFormat, "more than");
  EXPECT_ERROR(open_checkpoint(folder.write("x.index.json", "{" + repeat(" ", 40'000'000))), ErrorCode::kFileFormat,
               "x.index.json");
  // A long header of real tensors is well.
  std::string header = "{";
  for (int i = 0; i < 150'000; ++i) {
    header += concat(i ? "," : "", "\"t", i, R"(":{"dtype":"F32","shape":[0,1,1,1],"data_offsets":[0,0]})");
  }
  header += "}";
  EXPECT(open_checkpoint(folder.write("many.safetensors", raw(static_cast<uint64_t>(header.size())) + header))
             ->tensors()
             .size() == 150'000);
}

TEST_CASE("bounded readers: pipes, sockets, devices and folders are refused, not waited for") {
  const TempFolder folder;
  const std::string pipe = folder.path("pipe.safetensors");
  EXPECT(::mkfifo(pipe.c_str(), 0600) == 0);
  EXPECT_ERROR(open_checkpoint(pipe), ErrorCode::kFileFormat, "is a named pipe");
  EXPECT_ERROR(read_json_file(pipe), ErrorCode::kFileFormat, "is a named pipe");
  EXPECT_ERROR(open_checkpoint("/dev/zero"), ErrorCode::kFileFormat, "is a device");
  const std::string socket = folder.path("s");
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket.copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT(::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  EXPECT_ERROR(open_checkpoint(socket), ErrorCode::kFileFormat, "is a socket");
  ::close(descriptor);
  EXPECT_ERROR(read_json_file(folder.path()), ErrorCode::kFileFormat, "is a folder");
  EXPECT_ERROR(read_json_file(folder.path("gone")), ErrorCode::kFileNotFound, "gone");
}

TEST_CASE("bounded readers: a file that is cut under its map reads as zeros and is told of") {
  const TempFolder folder;
  const std::string path = folder.path("w.safetensors");
  write_safetensors(path, {{"w", at::ones({1 << 20})}});
  const auto file = open_checkpoint(path);
  const at::Tensor weights = file->read("w");
  EXPECT(weights[0].item<float>() == 1);
  check_mapped_files();
  EXPECT(::truncate(path.c_str(), 4096) == 0);
  EXPECT(weights.sum().item<float>() < 2048);  // many threads read the pages that are gone
  EXPECT_ERROR(check_mapped_files(), ErrorCode::kIo, "w.safetensors was cut");
  EXPECT_ERROR(check_mapped_files(), ErrorCode::kIo, "w.safetensors was cut");  // for as long as it is in use
  // Another file of this thread is none of its business once the first is closed, and was told of.
  const TempFolder other;
  write_safetensors(other.path("v.safetensors"), {{"v", at::ones({1 << 20})}});
  {
    const auto closed = open_checkpoint(other.path("v.safetensors"));
    EXPECT(::truncate(other.path("v.safetensors").c_str(), 0) == 0);
    EXPECT(closed->read("v").sum().item<float>() < 4096);
  }
  std::thread([] { check_mapped_files(); }).join();  // another thread's files
  EXPECT_ERROR(check_mapped_files(), ErrorCode::kIo, "v.safetensors was cut");
}

TEST_CASE("bounded readers: a file that has lost its last bytes alone is told of, and forgotten with the next job") {
  const TempFolder folder;
  const std::string path = folder.path("w.safetensors");
  write_safetensors(path, {{"w", at::ones({100})}});
  {
    const auto file = open_checkpoint(path);
    EXPECT(::truncate(path.c_str(), static_cast<off_t>(std::filesystem::file_size(path)) - 4) == 0);
    EXPECT(file->read("w")[99].item<float>() == 0);  // within its last page: no signal
    EXPECT_ERROR(check_mapped_files(), ErrorCode::kIo, "w.safetensors was cut");
  }
  forget_closed_files();
  check_mapped_files();
}

TEST_CASE("bounded readers: parts of a tensor are those of the whole") {
  const TempFolder folder;
  const at::Tensor whole = at::arange(7 * 5 * 3, at::kFloat).view({7, 5, 3});
  write_torch_file(folder.path("a.pth"), {{"w", whole}});
  write_safetensors(folder.path("a.safetensors"), {{"w", whole}, {"h", whole.to(at::kHalf)}});
  // A transposed view, a view with gaps, a repeated row and a scalar, as torch.save keeps them.
  const std::string storage(reinterpret_cast<const char*>(whole.data_ptr()), whole.nbytes());
  struct View {
    int64_t offset;
    std::vector<int64_t> shape, strides;
  };
  std::vector<std::pair<std::string, std::string>> files = {
      {"a.pth", "w"}, {"a.safetensors", "w"}, {"a.safetensors", "h"}};
  int number = 0;
  for (const View& view : {View{0, {5, 21}, {1, 5}}, View{3, {4, 3, 2}, {20, 6, 3}}, View{2, {6, 8}, {0, 2}},
                           View{9, {}, {}}, View{1, {3, 1, 4}, {7, 99, 2}}, View{0, {0, 4}, {4, 1}}}) {
    const std::string name = concat("v", number++, ".pth");
    folder.write(name, zip_of({{"a/data.pkl", tensor_pickle(105, view.offset, view.shape, view.strides)},
                               {"a/data/0", storage}}));
    files.emplace_back(name, "w");
  }
  for (const auto& [name, tensor] : files) {
    const auto file = open_checkpoint(folder.path(name));
    const at::Tensor flat = file->read(tensor).flatten();
    for (int64_t first = 0; first <= flat.numel(); ++first) {
      for (const int64_t count : {int64_t{0}, int64_t{1}, int64_t{4}, flat.numel() - first}) {
        if (first + count > flat.numel()) continue;
        EXPECT(at::equal(file->read_part(tensor, first, count), flat.narrow(0, first, count)));
      }
    }
  }
}

TEST_CASE("bounded readers: verify counts over slices and needs no more memory for a larger tensor") {
  const TempFolder folder;
  at::Tensor values = at::zeros({3, 1'000'000});
  values[0][0] = std::numeric_limits<float>::quiet_NaN();
  values[2][999'999] = std::numeric_limits<float>::infinity();
  values[1][48'576] = -std::numeric_limits<float>::infinity();  // the first of the second slice
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kFloat8_e5m2}) {
    write_safetensors(folder.path("n.safetensors"), {{"n", values.to(type)}});
    const Json report = verify_file(Request(Json::object().set("path", folder.path("n.safetensors")), "verify"));
    EXPECT(report.at("nan").as_int() == 1 && report.at("inf").as_int() == 2 && !report.at("ok").as_bool());
  }
  const auto peak_kb = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const int64_t elements = 100'000'000;  // a sparse file of 400 MB
  const std::string header =
      concat(R"({"w":{"dtype":"F32","shape":[)", elements, R"(],"data_offsets":[0,)", 4 * elements, "]}}");
  const std::string path = folder.write("big.safetensors", raw(static_cast<uint64_t>(header.size())) + header);
  EXPECT(::truncate(path.c_str(), static_cast<off_t>(8 + header.size() + 4 * static_cast<size_t>(elements))) == 0);
  const auto before = peak_kb();
  EXPECT(verify_file(Request(Json::object().set("path", path), "verify")).at("ok").as_bool());
  EXPECT(peak_kb() - before < 128 * 1024);
}

}  // namespace
}  // namespace svg
