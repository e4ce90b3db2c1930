// Where the pickle and the storages lie in a file of torch.save.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "io/pickle.h"
#include "io/torch_objects.h"

namespace svg {

struct TorchArchive {
  const char* format = "";
  PickleRef value = 0;
  std::vector<uint64_t> storage_offsets;  // of each TorchObjects::storages, in the file
};

/// Each reads the pickle into `heap` and `objects` and finds every storage that it names, whole.
/// Throws Error(kFileFormat | kUnsafeFile) with the cause; the caller adds the file's name.
TorchArchive read_torch_zip(std::string_view file, PickleHeap& heap, TorchObjects& objects);
TorchArchive read_torch_legacy(std::string_view file, PickleHeap& heap, TorchObjects& objects);

}  // namespace svg
