#include "io/checkpoint.h"

#include <filesystem>

#include "core/error.h"
#include "io/file_kind.h"
#include "io/mapped_file.h"
#include "io/regular_file.h"
#include "io/safetensors.h"
#include "io/sharded.h"
#include "io/torch_file.h"

namespace svg {

std::shared_ptr<Checkpoint> open_checkpoint(const std::string& path, const CheckpointOptions& options) {
  if (std::filesystem::is_directory(path)) return open_checkpoint_folder(path, options, open_checkpoint);
  const std::string name = std::filesystem::path(path).filename().string();
  if (name.ends_with(".distcp") || name == ".metadata") {
    const RegularFile exists(path);
    throw Error(ErrorCode::kFileFormat, concat(path, " is a part of a distributed checkpoint"),
                kDistributedCheckpointHint);
  }
  std::shared_ptr<MappedFile> file = MappedFile::open(path);
  const std::string_view bytes(reinterpret_cast<const char*>(file->data()), file->size());
  if (looks_like_safetensors(bytes)) return open_safetensors(std::move(file));
  if (looks_like_torch_file(bytes)) return open_torch_file(std::move(file), options.root);
  if (is_index_name(path)) return open_sharded(path, options, open_checkpoint);
  const std::string foreign = describe_foreign_file(bytes);
  SVG_CHECK(foreign.empty(), ErrorCode::kFileFormat, path, ": ", foreign);
  if (path.ends_with(".safetensors")) return open_safetensors(std::move(file));
  throw Error(ErrorCode::kFileFormat, concat(path, ": neither a safetensors file nor one of torch.save"));
}

CheckpointSource::CheckpointSource(std::shared_ptr<Checkpoint> checkpoint, at::Device device, at::ScalarType dtype)
    : checkpoint_(std::move(checkpoint)), int8_(find_int8_layout(*checkpoint_)), device_(device), dtype_(dtype) {}

at::Tensor CheckpointSource::find(const std::string& name, at::IntArrayRef, Init, Role role) {
  if (!checkpoint_->has(name)) return {};
  if (role == Role::kMatrix) {
    if (const std::optional<Int8Rows> rows = int8_rows(name)) {
      at::Tensor weight = from_int8(*rows, dtype_);
      release(name);
      return weight.to(device_);
    }
  }
  used_.insert(name);
  const at::Tensor mapped = checkpoint_->read(name);
  if (role == Role::kTable) return mapped;
  at::ScalarType dtype = mapped.scalar_type();
  if (at::isFloatingType(dtype)) dtype = role == Role::kMatrix ? dtype_ : at::kFloat;
  at::Tensor tensor = mapped.to(device_, dtype);
  if (!tensor.is_alias_of(mapped)) checkpoint_->release(name);
  return tensor;
}

std::optional<Int8Rows> CheckpointSource::int8_rows(const std::string& name) {
  if (!int8_ || !int8_->holds(name)) return std::nullopt;
  used_.insert(name);
  used_.insert(int8_scale_name(name));
  return read_int8_rows(*checkpoint_, name);
}

std::vector<std::string> CheckpointSource::unused() const {
  std::vector<std::string> names;
  for (const auto& entry : checkpoint_->tensors()) {
    // Scales are part of their weight, which is listed.
    if (!used_.count(entry.first) && !(int8_ && int8_->is_scale(entry.first))) names.push_back(entry.first);
  }
  return names;
}

std::optional<std::vector<int64_t>> CheckpointSource::shape_of(const std::string& name) const {
  const auto found = checkpoint_->tensors().find(name);
  if (found == checkpoint_->tensors().end()) return std::nullopt;
  return found->second.shape;
}

}  // namespace svg
