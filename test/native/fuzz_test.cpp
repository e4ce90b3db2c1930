// Random damage to good files: every outcome is a value or one of our errors, in little time.
#include <random>

#include "golden.h"
#include "io/checkpoint.h"
#include "temp_folder.h"

namespace svg {
namespace {

using namespace test;

constexpr int kMutations = 3000;  // per file

std::string mutate(std::string bytes, std::mt19937& random) {
  const auto below = [&](size_t limit) { return static_cast<size_t>(random() % std::max<size_t>(limit, 1)); };
  const size_t changes = 1 + below(4);
  for (size_t i = 0; i < changes && !bytes.empty(); ++i) {
    const size_t at = below(bytes.size());
    switch (below(7)) {
      case 0: bytes[at] = static_cast<char>(random()); break;
      case 1: bytes[at] = static_cast<char>(bytes[at] ^ 1 << below(8)); break;
      case 2: bytes.erase(at, 1 + below(8)); break;
      case 3: bytes.insert(at, 1 + below(8), static_cast<char>(random())); break;
      case 4: bytes.resize(at); break;
      case 5: bytes.replace(at, std::min<size_t>(4, bytes.size() - at), "\xff\xff\xff\xff", 4); break;
      default: {  // opcodes and lengths from elsewhere
        const size_t from = below(bytes.size());
        bytes.replace(at, std::min<size_t>(8, bytes.size() - at), bytes.substr(from, 8));
      }
    }
  }
  return bytes;
}

TEST_CASE("fuzz: damaged files are read or refused, never worse") {
  const TempFolder folder;
  std::mt19937 random(20240229);
  for (const std::string name : {"state_dict.pth", "legacy_format.pth", "lightning.ckpt", "model_args.pth",
                                 "refuse_eval.pth", "wrapped_model.pt"}) {
    const std::string good = read_bytes(golden_folder("torch-files") + "/" + name);
    for (int i = 0; i < kMutations; ++i) {
      const std::string path = folder.write("x", mutate(good, random));
      try {
        const auto file = open_checkpoint(path);
        for (const auto& entry : file->tensors()) file->read(entry.first).sum();
      } catch (const Error& error) {
        EXPECT(std::string(error.what()).find('\n') == std::string::npos);
        EXPECT(std::string(error.what()).find(path) != std::string::npos);
      }
    }
  }
}

}  // namespace
}  // namespace svg
