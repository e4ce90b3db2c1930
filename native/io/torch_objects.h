// The few names that a file of torch.save may use, and what they build: tensors, storages, plain values.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/dtypes.h"
#include "io/pickle.h"

namespace svg {

/// A run of bytes in the file, shared by the tensors that view it.
struct TorchStorage {
  std::string key;                      // its name in the archive
  std::optional<at::ScalarType> dtype;  // empty: untyped, or of a type that is only listed
  std::optional<ListedType> listed;
  int64_t bytes = 0;  // of the whole storage, as the pickle declares
  int64_t first = 0;  // legacy files may name a part of a storage: its first byte
  int64_t last = 0;   // ... and one past its last

  int64_t element_size() const {
    return dtype ? static_cast<int64_t>(at::elementSize(*dtype)) : listed ? listed->bits / 8 : 1;
  }
};

/// A strided view of a storage, checked to stay inside the bytes that the storage declares.
struct TorchTensor {
  size_t storage = 0;  // index into TorchObjects::storages
  at::ScalarType dtype = at::kFloat;
  std::optional<ListedType> listed;  // in place of dtype
  int64_t offset = 0;                // in elements
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  // in elements

  int64_t element_size() const { return listed ? listed->bits / 8 : static_cast<int64_t>(at::elementSize(dtype)); }
};

class TorchObjects : public PickleObjects {
 public:
  explicit TorchObjects(PickleHeap& heap) : heap_(heap) {}

  PickleRef find_global(std::string_view module, std::string_view name) override;
  PickleRef call(PickleRef callable, PickleRef arguments) override;
  void build(PickleRef object, PickleRef state) override;
  /// ("storage", class, key, location, elements[, view]); legacy views are (key, offset, elements).
  PickleRef load_persistent(PickleRef id) override;

  const std::vector<TorchStorage>& storages() const { return storages_; }
  const std::vector<TorchTensor>& tensors() const { return tensors_; }

 private:
  const PickleValue& argument(PickleRef arguments, size_t index, PickleKind kind, const char* what) const;
  std::vector<int64_t> int_list(PickleRef tuple, const char* what) const;
  PickleRef rebuild_tensor(PickleRef arguments, bool untyped);
  PickleRef rebuild_subclass(PickleRef arguments);
  PickleRef make_dict(PickleRef arguments, size_t first);
  PickleRef make_sequence(PickleKind kind, PickleRef arguments);
  PickleRef make_object(std::string_view class_name, PickleRef arguments);
  PickleRef make_bytes(PickleRef arguments);
  PickleRef make_path(PickleRef arguments);
  void set_view(TorchStorage& storage, PickleRef view) const;
  void check_inside_storage(const TorchTensor& tensor) const;

  PickleHeap& heap_;
  std::vector<TorchStorage> storages_;
  std::vector<TorchTensor> tensors_;
  std::map<std::string, PickleRef> storage_refs_;
};

}  // namespace svg
