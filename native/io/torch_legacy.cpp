// The format before PyTorch 1.6: five pickles (magic number, version, system, value, storage keys), then per
// key the number of elements as int64 and the raw bytes.
#include <cstring>
#include <unordered_map>

#include "core/error.h"
#include "io/text.h"
#include "io/torch_archive.h"

namespace svg {
namespace {

// 0x1950a86a20f9469cfc6c, as a binary and as a decimal long.
constexpr std::string_view kMagicBytes("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
constexpr std::string_view kMagicDigits = "119547037146038801333356";
constexpr int64_t kLegacyVersion = 1001;

[[noreturn]] void fail_legacy(const std::string& cause) { throw Error(ErrorCode::kFileFormat, "[torch] " + cause); }

class LegacyReader {
 public:
  LegacyReader(std::string_view file, PickleHeap& heap, TorchObjects& objects)
      : file_(file), heap_(heap), objects_(objects) {}

  TorchArchive read() {
    check_head();
    const PickleRef value = next();
    const PickleRef keys = next();
    return {"torch legacy", value, locate_storages(keys)};
  }

 private:
  PickleRef next() {
    const PickleResult result = read_pickle(file_.substr(at_), heap_, objects_);
    at_ += result.length;
    return result.value;
  }

  void check_head() {
    const PickleValue& magic = heap_.at(next());
    if (magic.kind != PickleKind::kBigInt || (magic.text != kMagicBytes && magic.text != kMagicDigits)) {
      fail_legacy("is a pickle, but not one of torch.save");
    }
    const PickleValue& version = heap_.at(next());
    if (version.kind != PickleKind::kInt || version.integer != kLegacyVersion)
      fail_legacy("has an unknown format version");
    const PickleValue& system = heap_.at(next());
    if (system.kind != PickleKind::kDict) fail_legacy("lacks the description of its system");
    for (size_t i = 0; i + 1 < system.items.size(); i += 2) {
      const PickleValue& value = heap_.at(system.items[i + 1]);
      if (heap_.at(system.items[i]).text == "little_endian" && value.integer == 0) {
        fail_legacy("its byte order is big; only little-endian files are read");
      }
    }
  }

  std::vector<uint64_t> locate_storages(PickleRef keys) {
    if (heap_.at(keys).kind != PickleKind::kList) fail_legacy("lacks the list of its storages");
    std::unordered_map<std::string_view, const TorchStorage*> declared;
    for (const TorchStorage& storage : objects_.storages()) {
      const auto [known, added] = declared.emplace(storage.key, &storage);
      if (!added && (known->second->bytes != storage.bytes || known->second->dtype != storage.dtype)) {
        throw Error(ErrorCode::kUnsafeFile,
                    concat("[torch] storage \"", printable(storage.key), "\" is described in two ways"));
      }
    }
    std::unordered_map<std::string_view, uint64_t> offsets;
    for (const PickleRef item : heap_.at(keys).items) {
      const PickleValue& key = heap_.at(item);
      const auto found = key.kind == PickleKind::kString ? declared.find(key.text) : declared.end();
      if (found == declared.end()) fail_legacy("lists a storage that no tensor uses");
      const TorchStorage& storage = *found->second;
      if (!offsets.emplace(key.text, take_storage(storage)).second) fail_legacy("lists a storage twice");
    }
    if (at_ != file_.size()) {
      throw Error(ErrorCode::kUnsafeFile,
                  concat("[torch] hides ", file_.size() - at_, " bytes after its last storage"));
    }
    std::vector<uint64_t> result;
    for (const TorchStorage& storage : objects_.storages()) {
      const auto found = offsets.find(storage.key);
      if (found == offsets.end())
        fail_legacy(concat("the bytes of storage \"", printable(storage.key), "\" are missing"));
      result.push_back(found->second);
    }
    return result;
  }

  uint64_t take_storage(const TorchStorage& storage) {
    int64_t elements = 0;
    if (file_.size() - at_ < sizeof elements) fail_legacy("cut before the end of its storages");
    std::memcpy(&elements, file_.data() + at_, sizeof elements);
    at_ += sizeof elements;
    const int64_t element_size = storage.element_size();
    const auto bytes = static_cast<uint64_t>(storage.bytes);
    if (elements != storage.bytes / element_size) {
      fail_legacy(concat("storage \"", printable(storage.key), "\" should have ", storage.bytes / element_size,
                         " elements, it has ", elements));
    }
    if (file_.size() - at_ < bytes) {
      fail_legacy(concat("cut in storage \"", printable(storage.key), "\": ", bytes, " bytes are announced, ",
                         file_.size() - at_, " are left"));
    }
    const uint64_t offset = at_;
    at_ += bytes;
    return offset;
  }

  std::string_view file_;
  PickleHeap& heap_;
  TorchObjects& objects_;
  uint64_t at_ = 0;
};

}  // namespace

TorchArchive read_torch_legacy(std::string_view file, PickleHeap& heap, TorchObjects& objects) {
  return LegacyReader(file, heap, objects).read();
}

}  // namespace svg
