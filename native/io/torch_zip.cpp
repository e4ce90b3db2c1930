// The zip format: NAME/data.pkl, NAME/data/KEY for each storage, and a few small records.
#include <unordered_map>

#include "core/error.h"
#include "io/text.h"
#include "io/torch_archive.h"
#include "io/zip_reader.h"

namespace svg {
namespace {

constexpr uint64_t kMaxPickleBytes = 256 << 20;

[[noreturn]] void fail_torch_zip(const std::string& cause) { throw Error(ErrorCode::kFileFormat, "[torch] " + cause); }

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// All records stand below one folder, named after the file they were first saved to.
std::string_view folder_of(const std::vector<ZipEntry>& entries) {
  for (const ZipEntry& entry : entries) {
    if (ends_with(entry.name, "/data.pkl") && entry.name.find('/') + 9 == entry.name.size()) {
      return std::string_view(entry.name).substr(0, entry.name.size() - 8);
    }
  }
  fail_torch_zip("is a zip file without data.pkl, so torch.save did not write it");
}

class TorchZip {
 public:
  explicit TorchZip(std::string_view file) : file_(file), entries_(read_zip_directory(file)) {
    const std::string_view folder = folder_of(entries_);
    for (const ZipEntry& entry : entries_) {
      const std::string_view name = entry.name;
      if (name.substr(0, folder.size()) != folder) {
        fail_torch_zip(concat("holds \"", printable(name), "\" beside the folder of its tensors"));
      }
      const std::string_view record = name.substr(folder.size());
      if (record == "constants.pkl" || record.substr(0, 5) == "code/") {
        throw Error(ErrorCode::kFileFormat, "[torch] is a TorchScript program, not a state dict",
                    "Save the module's state_dict() with torch.save instead.");
      }
      if (record != "data.pkl" && ends_with(record, ".pkl")) {
        throw Error(ErrorCode::kUnsafeFile, concat("[torch] hides a second pickle, \"", printable(name), "\""));
      }
      records_.emplace(record, &entry);
    }
  }

  std::string_view record(std::string_view name) const {
    const auto found = records_.find(name);
    return found == records_.end() ? std::string_view() : file_.substr(found->second->offset, found->second->size);
  }

  const ZipEntry* storage(const std::string& key) const {
    const auto found = records_.find("data/" + key);
    return found == records_.end() ? nullptr : found->second;
  }

 private:
  std::string_view file_;
  std::vector<ZipEntry> entries_;
  std::unordered_map<std::string_view, const ZipEntry*> records_;
};

}  // namespace

TorchArchive read_torch_zip(std::string_view file, PickleHeap& heap, TorchObjects& objects) {
  const TorchZip zip(file);
  const std::string_view order = zip.record("byteorder");
  if (!order.empty() && order != "little") {
    fail_torch_zip(concat("its byte order is ", printable(order), "; only little-endian files are read"));
  }
  const std::string_view pickle = zip.record("data.pkl");
  if (pickle.size() > kMaxPickleBytes) fail_torch_zip(concat("its pickle of ", pickle.size(), " bytes is too large"));
  const PickleResult result = read_pickle(pickle, heap, objects);
  SVG_CHECK(result.length == pickle.size(), ErrorCode::kUnsafeFile, "[torch] hides ", pickle.size() - result.length,
            " bytes after the end of its pickle");
  TorchArchive archive{"torch zip", result.value, {}};
  for (const TorchStorage& storage : objects.storages()) {
    const ZipEntry* entry = zip.storage(storage.key);
    if (!entry) fail_torch_zip(concat("the bytes of storage \"", printable(storage.key), "\" are missing"));
    if (entry->size != static_cast<uint64_t>(storage.bytes)) {
      fail_torch_zip(concat("storage \"", printable(storage.key), "\" should have ", storage.bytes, " bytes, it has ",
                            entry->size));
    }
    archive.storage_offsets.push_back(entry->offset);
  }
  return archive;
}

}  // namespace svg
