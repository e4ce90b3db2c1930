#include "io/torch_file.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "io/state_dict.h"
#include "io/torch_archive.h"

namespace svg {
namespace {

constexpr std::string_view kZipMagic("PK\x03\x04", 4);
constexpr std::string_view kTextMagic = "L119547037146038801333356L\n";  // legacy, pickle protocols 0 and 1
// A tensor may repeat the elements of its storage (stride 0). Beyond this it is an attack.
constexpr int64_t kMaxUnfold = 16;
constexpr int64_t kUnfoldFloor = 64 << 20;

bool starts_with(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }

class TorchFile : public Checkpoint {
 public:
  TorchFile(std::shared_ptr<MappedFile> file, const std::optional<std::vector<std::string>>& root)
      : file_(std::move(file)) {
    path_ = file_->path();
    const std::string_view bytes(reinterpret_cast<const char*>(file_->data()), file_->size());
    PickleHeap heap;
    TorchObjects objects(heap);
    const TorchArchive archive =
        starts_with(bytes, kZipMagic) ? read_torch_zip(bytes, heap, objects) : read_torch_legacy(bytes, heap, objects);
    format_ = archive.format;
    const StateDict state = find_state_dict(heap, archive.value, root);
    root_ = state.root;
    PlainValues plain;
    // What is listed as the state dict is not listed again.
    if (root_.empty()) {
      plain.leave_out_tensors = true;
    } else {
      plain.skip = root_[0];
    }
    metadata_ = pickle_to_json(heap, archive.value, objects.tensors(), plain);
    for (const auto& [name, index] : state.tensors) add(name, objects.tensors()[index], objects, archive);
    check_unfolding();
  }

  at::Tensor read(const std::string& name) const override {
    const TensorInfo& info = readable(name);
    const View& view = views_.at(name);
    if (info.bytes() == 0) return at::empty(info.shape, info.dtype);
    uint8_t* data = const_cast<uint8_t*>(file_->data()) + view.offset;
    const auto options = at::TensorOptions().dtype(info.dtype);
    at::Tensor aligned;
    if (reinterpret_cast<uintptr_t>(data) % at::elementSize(info.dtype) == 0) {
      aligned = at::from_blob(
          data, info.shape, view.strides, [file = file_](void*) {}, options);
    } else {  // legacy files align nothing
      at::Tensor copy = at::empty({view.bytes / static_cast<int64_t>(at::elementSize(info.dtype))}, options);
      std::memcpy(copy.data_ptr(), data, static_cast<size_t>(view.bytes));
      aligned = copy.as_strided(info.shape, view.strides);
    }
    return aligned.contiguous();
  }

  at::Tensor read_part(const std::string& name, int64_t first, int64_t count) const override {
    const TensorInfo& info = readable(name);
    const View& view = views_.at(name);
    at::Tensor part = at::empty({count}, info.dtype);
    if (count == 0) return part;
    copy_strided(file_->data() + view.offset, view.strides, info, first, static_cast<uint8_t*>(part.data_ptr()), count);
    return part;
  }

  void release(const std::string& name) const override {
    if (const auto found = views_.find(name); found != views_.end()) {
      file_->release(found->second.offset, static_cast<size_t>(found->second.bytes));
    }
  }

 private:
  struct View {
    uint64_t offset = 0;  // of the first element in the file
    int64_t bytes = 0;    // from the first element to the last, gaps included
    std::vector<int64_t> strides;
  };

  // Elements [first, first + count) of the view in row-major order.
  static void copy_strided(const uint8_t* from, const std::vector<int64_t>& strides, const TensorInfo& info,
                           int64_t first, uint8_t* to, int64_t count) {
    const size_t size = at::elementSize(info.dtype);
    const size_t dimensions = info.shape.size();
    std::vector<int64_t> index(dimensions, 0);
    int64_t left = first, place = 0;
    for (size_t i = dimensions; i-- > 0;) {
      index[i] = left % info.shape[i];
      left /= info.shape[i];
      place += index[i] * strides[i];
    }
    const int64_t row = dimensions == 0 ? 1 : info.shape.back();
    const bool dense = dimensions == 0 || strides.back() == 1;
    for (int64_t done = 0; done < count;) {
      const int64_t run = std::min(count - done, dimensions == 0 ? 1 : row - index.back());
      if (dense) {
        std::memcpy(to, from + static_cast<size_t>(place) * size, static_cast<size_t>(run) * size);
      } else {
        for (int64_t i = 0; i < run; ++i) {
          std::memcpy(to + static_cast<size_t>(i) * size, from + static_cast<size_t>(place + i * strides.back()) * size,
                      size);
        }
      }
      to += static_cast<size_t>(run) * size;
      done += run;
      if (dimensions == 0) continue;
      place += run * strides.back();
      index.back() += run;
      for (size_t i = dimensions - 1; i > 0 && index[i] == info.shape[i]; --i) {
        place += strides[i - 1] - info.shape[i] * strides[i];
        index[i] = 0;
        ++index[i - 1];
      }
    }
  }

  void add(const std::string& name, const TorchTensor& tensor, const TorchObjects& objects,
           const TorchArchive& archive) {
    const TorchStorage& storage = objects.storages()[tensor.storage];
    const int64_t element_size = tensor.element_size();
    TensorInfo& info = tensors_[name] = {tensor.dtype, tensor.shape};
    if (tensor.listed) {
      info.listed = tensor.listed->name;
      info.listed_bytes = info.elements() * element_size;
    }
    View& view = views_[name];
    if (info.bytes() == 0) return;
    int64_t reach = 1;
    for (size_t i = 0; i < tensor.shape.size(); ++i) reach += (tensor.shape[i] - 1) * tensor.strides[i];
    view.offset =
        archive.storage_offsets[tensor.storage] + static_cast<uint64_t>(storage.first + tensor.offset * element_size);
    view.bytes = reach * element_size;
    view.strides = tensor.strides;
  }

  void check_unfolding() const {
    const int64_t limit = std::max(kUnfoldFloor, static_cast<int64_t>(file_->size()) * kMaxUnfold);
    int64_t total = 0;
    for (const auto& entry : tensors_) {
      SVG_CHECK(!__builtin_add_overflow(total, entry.second.bytes(), &total) && total <= limit, ErrorCode::kUnsafeFile,
                "[torch] its tensors repeat their bytes to more than ", limit, " bytes");
    }
  }

  std::shared_ptr<MappedFile> file_;
  std::map<std::string, View> views_;
};

}  // namespace

bool looks_like_torch_file(std::string_view file) {
  const bool pickle = file.size() >= 2 && file[0] == '\x80' && file[1] <= 5 && file[1] >= 0;
  return pickle || starts_with(file, kZipMagic) || starts_with(file, kTextMagic);
}

std::shared_ptr<Checkpoint> open_torch_file(std::shared_ptr<MappedFile> file,
                                            const std::optional<std::vector<std::string>>& root) {
  const std::string path = file->path();
  try {
    return std::make_shared<TorchFile>(std::move(file), root);
  } catch (const Error& error) {
    throw Error(error.code(), concat(path, ": ", error.what()), error.hint());
  }
}

}  // namespace svg
