// Files of torch.save: the golden ones, and hostile ones built here byte by byte.
#include "golden.h"
#include "io/checkpoint.h"
#include "temp_folder.h"
#include "torch_bytes.h"

namespace svg {
namespace {

using namespace test;

std::shared_ptr<Checkpoint> open_bytes(const std::string& bytes) {
  static const TempFolder folder;
  return open_checkpoint(folder.write("file.pth", bytes));
}

std::shared_ptr<Checkpoint> open_pickle(const std::string& pickle, const std::string& storage = "") {
  return open_bytes(zip_of({{"a/data.pkl", pickle}, {"a/data/0", storage}}));
}

std::string repeat(const std::string& part, size_t count) {
  std::string text;
  text.reserve(part.size() * count);
  for (size_t i = 0; i < count; ++i) text += part;
  return text;
}

#define EXPECT_UNSAFE(statement, part) EXPECT_ERROR(statement, ErrorCode::kUnsafeFile, part)
#define EXPECT_MALFORMED(statement, part) EXPECT_ERROR(statement, ErrorCode::kFileFormat, part)

TEST_CASE("torch files: the golden case") { expect_golden("torch-files"); }

TEST_CASE("torch files: a namespace is shown as plain values") {
  const auto file = open_checkpoint(golden_folder("torch-files") + "/model_args.pth");
  EXPECT(file->tensors().empty());
  EXPECT(file->metadata().at("model").as_string() == "NextDiT");
  EXPECT(file->metadata().at("resol").as_int() == 256);
}

TEST_CASE("torch files: the wrapper of a Lightning file is found, its extras are metadata") {
  const auto file = open_checkpoint(golden_folder("torch-files") + "/lightning.ckpt");
  EXPECT(file->root() == std::vector<std::string>{"state_dict"});
  EXPECT(file->has("a.weight"));
  EXPECT(file->metadata().at("global_step").as_int() == 1234);
  EXPECT(!file->metadata().find("state_dict"));
  CheckpointOptions whole;
  whole.root.emplace();
  const auto all = open_checkpoint(golden_folder("torch-files") + "/lightning.ckpt", whole);
  EXPECT(all->has("optimizer_states.0.state.0.exp_avg"));
  whole.root = {"nothing"};
  EXPECT_MALFORMED(open_checkpoint(golden_folder("torch-files") + "/lightning.ckpt", whole), "nothing");
}

TEST_CASE("torch files: names outside the allow-list are refused wherever they stand") {
  for (const std::string name :
       {"os\nsystem", "posix\nsystem", "builtins\neval", "builtins\ngetattr", "__builtin__\nexec", "subprocess\nPopen",
        "torch\nload", "torch.storage\n_load_from_bytes", "numpy\nload", "torch.hub\nload", "operator\nattrgetter",
        "functools\npartial", "nt\nsystem", "torch.jit\nload", "torch\n__builtins__", "omegaconf\nOmegaConf.load"}) {
    const std::string global = "c" + name + "\n";
    EXPECT_UNSAFE(open_pickle("\x80\x02}" + pickle_text("x") + global + "s."), "file.pth");
    EXPECT_UNSAFE(open_pickle("\x80\x02" + global + "(tR."), "asks for");
    EXPECT_UNSAFE(open_pickle("\x80\x02(i" + name + "\n."), "asks for");
  }
  EXPECT_UNSAFE(
      open_pickle("\x80\x04" + pickle_text("os") + pickle_text("system") + "\x93" + pickle_text("x") + "\x85R."),
      "os.system");
  EXPECT_UNSAFE(open_pickle("\x80\x02\x82\x01."), "extension registry");
  EXPECT_UNSAFE(open_pickle("\x80\x02" + pickle_text("x") + ")R."), "no known function");
  EXPECT_UNSAFE(open_pickle("\x80\x02"
                            "ctorch\nfloat32\n)R."),
                "calls torch.float32");
  EXPECT_UNSAFE(open_bytes("\x80\x02"
                           "cos\nsystem\n" +
                           pickle_text("x") + "\x85R."),
                "os.system");
}

TEST_CASE("torch files: tensors stay inside their storage") {
  const std::string storage(24, '\1');
  EXPECT(open_pickle(tensor_pickle(6, 0, {2, 3}, {3, 1}), storage)->read("w").size(1) == 3);
  EXPECT(open_pickle(tensor_pickle(6, 9, {0, 3}, {3, 1}), storage)->read("w").numel() == 0);
  EXPECT(open_pickle(tensor_pickle(6, 0, {3, 6}, {0, 1}), storage)->read("w").is_contiguous());
  EXPECT_UNSAFE(open_pickle(tensor_pickle(6, 1, {2, 3}, {3, 1}), storage), "beyond its storage");
  EXPECT_UNSAFE(open_pickle(tensor_pickle(6, 0, {2, 3}, {4, 1}), storage), "beyond its storage");
  EXPECT_UNSAFE(open_pickle(tensor_pickle(6, -1, {2}, {1}), storage), "impossible");
  EXPECT_UNSAFE(open_pickle(tensor_pickle(6, 0, {-2}, {1}), storage), "negative");
  EXPECT_UNSAFE(open_pickle(tensor_pickle(6, 5, {2}, {-1}), storage), "negative");
  EXPECT_UNSAFE(open_pickle(tensor_pickle(6, 0, {int64_t{1} << 40, int64_t{1} << 40}, {0, 0}), storage), "impossible");
  EXPECT_UNSAFE(open_pickle(tensor_pickle(6, 0, {0, int64_t{1} << 62, 16}, {1, 1, 1}), storage), "impossible");
  EXPECT_UNSAFE(open_pickle(tensor_pickle(6, INT64_MAX, {2}, {INT64_MAX}), storage), "impossible");
  EXPECT_UNSAFE(open_pickle(tensor_pickle(6, 0, {int64_t{1} << 40}, {0}), storage), "repeat");
  EXPECT_UNSAFE(open_pickle(tensor_pickle(INT64_MAX, 0, {1}, {1}), storage), "claims");
  EXPECT_UNSAFE(open_pickle(tensor_pickle(-1, 0, {1}, {1}), storage), "claims");
  EXPECT_MALFORMED(open_pickle(tensor_pickle(7, 0, {7}, {1}), storage), "should have 28 bytes");
  EXPECT_MALFORMED(open_pickle(tensor_pickle(6, 0, {2, 3}, {1}), storage), "one stride per dimension");
  EXPECT_MALFORMED(open_bytes(zip_of({{"a/data.pkl", tensor_pickle(6, 0, {6}, {1})}})), "missing");
}

TEST_CASE("torch files: bombs are refused early") {
  EXPECT_UNSAFE(open_pickle("\x80\x02" + repeat("(", 100'000) + "."), "too deep");
  EXPECT_UNSAFE(open_pickle("\x80\x02" + repeat("N", 3'000'000) + "."), "too many");
  EXPECT_UNSAFE(open_pickle("\x80\x02" + repeat(")", 3'000'000) + "."), "values");
  EXPECT_MALFORMED(open_pickle("\x80\x02\x8b\xff\xff\xff\x7f."), "cut");
  EXPECT_MALFORMED(open_pickle("\x80\x02\x8b\xff\xff\xff\xff."), "negative");
  EXPECT_MALFORMED(open_pickle("\x80\x04\x8d" + raw(UINT64_MAX) + "."), "cut");
  EXPECT_MALFORMED(open_pickle("\x80\x04\x95" + raw(UINT64_MAX) + "N."), "frame");
  EXPECT(open_pickle("\x80\x02Nr\xff\xff\xff\xff.")->tensors().empty());
  EXPECT_MALFORMED(open_pickle("\x80\x02j\xff\xff\xff\xff."), "before it is set");
  // Each list holds the one before twice: 2^60 values if it were unfolded.
  std::string list = "\x80\x02]q"s + '\0';
  for (int i = 1; i < 60; ++i) list += "0](h"s + char(i - 1) + "h" + char(i - 1) + "eq" + char(i);
  EXPECT_UNSAFE(open_pickle(list + "."), "unfold");
  std::string dict = "\x80\x02}q"s + '\0';
  for (int i = 1; i < 30; ++i) dict += "0}(K\x01h"s + char(i - 1) + "K\x02h" + char(i - 1) + "uq" + char(i);
  EXPECT_UNSAFE(open_pickle("\x80\x02}" + pickle_text("model") + dict.substr(2) + "s."), "unfold");
  EXPECT_UNSAFE(open_pickle("\x80\x02]q\1h\1a."), "unfold");
  // A list copied again and again by calls.
  std::string copies = "\x80\x02(" + repeat("N", 100'000) + "lq\1";
  for (int i = 0; i < 1000; ++i) copies += "0cbuiltins\nlist\nh\1\x85R";
  EXPECT_UNSAFE(open_pickle(copies + "."), "values");
}

TEST_CASE("torch files: the zip directory must be plain and true") {
  const ZipPart pickle{"a/data.pkl", "\x80\x02}."};
  EXPECT(open_bytes(zip_of({pickle}))->tensors().empty());
  EXPECT_MALFORMED(open_bytes(zip_of({{"a/data.pkl", "\x80\x02}.", 8}})), "compressed");
  EXPECT_UNSAFE(open_bytes(zip_of({pickle, pickle})), "twice");
  EXPECT_UNSAFE(open_bytes(zip_of({pickle, {"a/../../x", ""}})), "leaves the archive");
  EXPECT_UNSAFE(open_bytes(zip_of({pickle, {"/etc/x", ""}})), "leaves the archive");
  EXPECT_UNSAFE(open_bytes(zip_of({pickle, {"a/b/data.pkl", "x"}})), "second pickle");
  EXPECT_MALFORMED(open_bytes(zip_of({pickle, {"b/x", ""}})), "beside the folder");
  EXPECT_MALFORMED(open_bytes(zip_of({{"a/x", ""}})), "without data.pkl");
  EXPECT_MALFORMED(open_bytes(zip_of({pickle, {"a/constants.pkl", ""}})), "TorchScript");
  EXPECT_MALFORMED(open_bytes(zip_of({pickle, {"a/byteorder", "big"}})), "byte order");
  EXPECT_UNSAFE(open_bytes(zip_of({{"a/data.pkl", "\x80\x02}.cos\nsystem\n."}})), "after the end");
  EXPECT_MALFORMED(open_bytes(zip_of({pickle}) + "x"), "directory");
  std::string outside = zip_of({pickle});
  outside.replace(outside.size() - 22 - 10 - 4, 4, raw(uint32_t{1000}));  // the entry's offset
  EXPECT_UNSAFE(open_bytes(outside), "outside the file");
  std::string long_entry = zip_of({pickle});
  for (const size_t field : {size_t{20}, size_t{24}}) {  // both sizes of the directory entry
    long_entry.replace(long_entry.size() - 22 - 56 + field, 4, raw(uint32_t{100}));
  }
  EXPECT_UNSAFE(open_bytes(long_entry), "leaves the file");
}

TEST_CASE("torch files: each other kind of file gets its own message") {
  EXPECT_MALFORMED(open_bytes("<!DOCTYPE html><html>404</html>"), "web page");
  EXPECT_MALFORMED(open_bytes("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"), "git-lfs");
  EXPECT_MALFORMED(open_bytes("not a checkpoint\n"), "is text");
  EXPECT_MALFORMED(open_bytes(std::string(1000, '\0')), "only zeros");
  EXPECT_MALFORMED(open_bytes("\x1f\x8b\x08\x01"), "gzip");
  EXPECT_MALFORMED(open_bytes(""), "empty");
  EXPECT_MALFORMED(open_bytes("\x80\x02K\x01."), "not one of torch.save");
  EXPECT_ERROR(open_checkpoint("/nowhere/x.pth"), ErrorCode::kFileNotFound, "/nowhere/x.pth");
}

TEST_CASE("torch files: every cut of a good file is refused") {
  for (const std::string name : {"state_dict.pth", "legacy_format.pth"}) {
    const std::string bytes = read_bytes(golden_folder("torch-files") + "/" + name);
    for (size_t size = 0; size < bytes.size(); size += size < 100 || size + 100 > bytes.size() ? 1 : 37) {
      bool refused = false;
      try {
        open_bytes(bytes.substr(0, size));
      } catch (const Error& error) {
        refused = error.code() == ErrorCode::kFileFormat || error.code() == ErrorCode::kUnsafeFile;
      }
      EXPECT(refused);
    }
  }
}

}  // namespace
}  // namespace svg
