#include "io/checkpoint.h"

#include "core/error.h"
#include "io/safetensors.h"

namespace svg {

int64_t TensorInfo::bytes() const {
  int64_t elements = 1;
  for (const int64_t side : shape) elements *= side;
  return elements * static_cast<int64_t>(at::elementSize(dtype));
}

std::shared_ptr<Checkpoint> open_checkpoint(const std::string& path) { return open_safetensors(path); }

CheckpointSource::CheckpointSource(std::shared_ptr<Checkpoint> checkpoint, at::Device device,
                                   at::ScalarType dtype, std::string strip)
    : checkpoint_(std::move(checkpoint)), device_(device), dtype_(dtype), strip_(std::move(strip)) {}

at::Tensor CheckpointSource::find(const std::string& name, at::IntArrayRef, Init, Role role) {
  const std::string stored = strip_ + name;
  if (!checkpoint_->has(stored)) return {};
  const at::Tensor mapped = checkpoint_->read(stored);
  if (role == Role::kTable) return mapped;
  at::ScalarType dtype = mapped.scalar_type();
  if (at::isFloatingType(dtype)) dtype = role == Role::kMatrix ? dtype_ : at::kFloat;
  at::Tensor tensor = mapped.to(device_, dtype);
  if (!tensor.is_alias_of(mapped)) checkpoint_->release(stored);
  return tensor;
}

std::optional<std::vector<int64_t>> CheckpointSource::shape_of(const std::string& name) const {
  const auto found = checkpoint_->tensors().find(strip_ + name);
  if (found == checkpoint_->tensors().end()) return std::nullopt;
  return found->second.shape;
}

}  // namespace svg
