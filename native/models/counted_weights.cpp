#include "models/counted_weights.h"

#include <c10/util/accumulate.h>

namespace svg {

WeightCount& WeightCount::operator+=(const WeightCount& other) {
  matrices += other.matrices;
  int8 += other.int8;
  outputs += other.outputs;
  exact += other.exact;
  tables += other.tables;
  return *this;
}

at::Tensor CountedWeights::find(const std::string& name, at::IntArrayRef shape, Init init, Role role) {
  if (stored_ && !stored_->has(name)) return {};
  const bool once = known_.insert(name).second;
  // Of a 3-D kernel the middle layer alone is kept.
  const int64_t numbers = c10::multiply_integers(shape) / (shape.size() == 5 ? shape[2] : 1);
  if (once) (role == Role::kMatrix ? count_.matrices : role == Role::kTable ? count_.tables : count_.exact) += numbers;
  if (once && role == Role::kMatrix && takes_int8_ && shape.size() == 2 && takes_int8_(name, shape)) {
    count_.int8 += numbers;
    count_.outputs += shape[0];
  }
  if (role == Role::kBuffer) return stored_ ? stored_->get_optional(name, shape, init, role) : at::zeros(shape);
  return at::empty(shape, at::device(at::kMeta).dtype(at::kFloat));
}

std::optional<std::vector<int64_t>> CountedWeights::shape_of(const std::string& name) const {
  return stored_ ? stored_->shape_of(name) : std::nullopt;
}

}  // namespace svg
