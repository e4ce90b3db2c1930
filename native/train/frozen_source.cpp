#include "train/frozen_source.h"

#include <c10/core/GradMode.h>

#include "train/state.h"

namespace svg {

at::Tensor FrozenSource::find(const std::string& name, at::IntArrayRef shape, Init init, Role role) {
  if (const auto found = used_.find(name); found != used_.end()) return found->second;
  if (const auto found = kept_.find(name); found != kept_.end()) return found->second;
  at::Tensor value = given_.get_optional(name, shape, init, role);
  if (!value.defined()) return {};
  const bool real = at::isFloatingType(value.scalar_type());
  value = value.detach().to(device_, real ? at::kFloat : value.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
  kept_[name] = value;
  if (!real || role != Role::kMatrix || compute_ == at::kFloat) return value;
  return used_[name] = value.to(compute_);
}

void FrozenSource::load(const TensorMap& state, const std::string& prefix) {
  copy_below(state, prefix, kept_);
  for (auto& [name, copy] : used_) copy.copy_(kept_.at(name));
}

}  // namespace svg
