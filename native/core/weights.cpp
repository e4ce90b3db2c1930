#include "core/weights.h"

#include <c10/core/GradMode.h>

#include <cmath>

#include "core/error.h"
#include "core/matrix.h"

namespace svg {
namespace {

void check_shape(at::IntArrayRef got, at::IntArrayRef want, const std::string& name, const std::string& where) {
  SVG_CHECK(got == want, ErrorCode::kWeightsMismatch, "tensor \"", name, "\" has shape ", got,
            ", the configuration needs ", want, " (", where, ")");
}

void check_dtype(const at::Tensor& tensor, Role role, const std::string& name, const std::string& where) {
  const at::ScalarType dtype = tensor.scalar_type();
  const bool small = dtype == at::kChar || dtype == at::kByte;
  if (at::isFloatingType(dtype) || (role == Role::kBuffer && !small)) return;
  throw Error(ErrorCode::kWeightsMismatch,
              concat("tensor \"", name, "\" holds ", dtype, ", not real numbers (", where, ")"),
              "Quantised weights are not read: take the model in fp32, bf16 or fp16.");
}

bool keeps_dtype(const at::Tensor& tensor) { return !at::isFloatingType(tensor.scalar_type()); }

}  // namespace

at::Tensor Weights::get(const std::string& name, at::IntArrayRef shape, Init init, Role role) const {
  at::Tensor tensor = get_optional(name, shape, init, role);
  SVG_CHECK(tensor.defined(), ErrorCode::kWeightsMismatch, "tensor \"", prefix_, name, "\" is missing in ",
            source_->description());
  return tensor;
}

at::Tensor Weights::get_optional(const std::string& name, at::IntArrayRef shape, Init init, Role role) const {
  at::Tensor tensor = source_->find(prefix_ + name, shape, init, role);
  if (!tensor.defined()) return tensor;
  check_shape(tensor.sizes(), shape, prefix_ + name, source_->description());
  check_dtype(tensor, role, prefix_ + name, source_->description());
  return tensor;
}

std::shared_ptr<const Matrix> Weights::matrix(const std::string& name, at::IntArrayRef shape, Init init) const {
  if (auto stored = source_->matrix(prefix_ + name, shape, init)) {
    check_shape({stored->out(), stored->in()}, shape, prefix_ + name, source_->description());
    return stored;
  }
  return plain_matrix(get(name, shape, init));
}

bool Weights::has(const std::string& name) const { return shape_of(name).has_value(); }

void refuse_unknown_tensors(const Weights& weights, const std::string& model,
                            const std::function<bool(const std::string& name)>& known) {
  constexpr size_t kNamed = 5;
  std::vector<std::string> unknown = weights.unused();
  std::erase_if(unknown, known);
  if (unknown.empty()) return;
  std::string list;
  for (size_t i = 0; i < std::min(unknown.size(), kNamed); ++i) {
    list += concat(i == 0 ? "" : ", ", "\"", unknown[i].substr(0, 200), "\"");
  }
  if (unknown.size() > kNamed) list += ", ...";
  const bool one = unknown.size() == 1;
  throw Error(ErrorCode::kWeightsMismatch,
              concat(weights.description(), " holds ", unknown.size(), one ? " tensor" : " tensors", " that ",
                     one ? "is" : "are", " no part of ", model, ": ", list),
              "What is not known cannot be left out safely: save the plain state dict without additions (adapters, "
              "control branches, scales of quantised weights).");
}

MapSource::MapSource(TensorMap tensors, std::string description, at::Device device, at::ScalarType dtype)
    : tensors_(std::move(tensors)), description_(std::move(description)), device_(device), dtype_(dtype) {}

at::Tensor MapSource::find(const std::string& name, at::IntArrayRef, Init, Role role) {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) return {};
  used_.insert(name);
  if (role == Role::kTable) return found->second;
  if (keeps_dtype(found->second)) return found->second.to(device_);
  return found->second.to(device_, role == Role::kMatrix ? dtype_ : at::kFloat);
}

std::optional<std::vector<int64_t>> MapSource::shape_of(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) return std::nullopt;
  return found->second.sizes().vec();
}

std::vector<std::string> MapSource::unused() const {
  std::vector<std::string> names;
  for (const auto& entry : tensors_) {
    if (!used_.count(entry.first)) names.push_back(entry.first);
  }
  return names;
}

TrainableSource::TrainableSource(TensorMap start, at::Generator generator, at::Device device, at::ScalarType compute)
    : start_(std::move(start)), generator_(std::move(generator)), device_(device), compute_(compute) {}

at::Tensor TrainableSource::find(const std::string& name, at::IntArrayRef shape, Init init, Role role) {
  for (const TensorMap* known : {&copies_, &parameters_, &buffers_}) {
    if (const auto found = known->find(name); found != known->end()) return found->second;
  }
  const auto given = start_.find(name);
  const bool fits = given != start_.end() && given->second.sizes() == shape;
  at::Tensor value = fits ? given->second : initialise(shape, init, generator_);
  const bool trainable = role != Role::kBuffer && at::isFloatingType(value.scalar_type());
  const at::ScalarType dtype = at::isFloatingType(value.scalar_type()) ? at::kFloat : value.scalar_type();
  value = value.detach().to(device_, dtype, /*non_blocking=*/false, /*copy=*/true).contiguous();
  (trainable ? parameters_ : buffers_)[name] = value.requires_grad_(trainable);
  if (trainable) order_.push_back(name);
  if (!trainable || role != Role::kMatrix || compute_ == at::kFloat) return value;
  return copies_[name] = value.detach().to(compute_).requires_grad_(true);
}

TensorMap TrainableSource::leaves() const {
  TensorMap leaves = copies_;
  leaves.insert(parameters_.begin(), parameters_.end());  // keeps what is there
  return leaves;
}

void TrainableSource::gather_gradients() {
  c10::NoGradGuard no_grad;
  for (auto& [name, copy] : copies_) {
    at::Tensor& gradient = copy.mutable_grad();
    if (!gradient.defined()) continue;
    at::Tensor& sum = parameters_.at(name).mutable_grad();
    if (sum.defined()) {
      sum.add_(gradient);
    } else {
      sum = gradient.to(at::kFloat);
    }
    gradient.reset();
  }
}

void TrainableSource::refresh_copies() {
  c10::NoGradGuard no_grad;
  for (auto& [name, copy] : copies_) copy.copy_(parameters_.at(name));
}

std::optional<std::vector<int64_t>> TrainableSource::shape_of(const std::string& name) const {
  const auto found = start_.find(name);
  if (found == start_.end()) return std::nullopt;
  return found->second.sizes().vec();
}

at::Tensor initialise(at::IntArrayRef shape, Init init, at::Generator generator) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  const double elements = static_cast<double>(tensor.numel());
  const double fan_in = shape.empty() ? 1 : elements / static_cast<double>(std::max<int64_t>(shape[0], 1));
  switch (init.kind) {
    case Init::Kind::kZeros: return tensor.zero_();
    case Init::Kind::kOnes: return tensor.fill_(1);
    case Init::Kind::kConstant: return tensor.fill_(init.value);
    case Init::Kind::kNormal: return tensor.normal_(0, init.value, generator);
    case Init::Kind::kTruncatedNormal: {  // cut at two standard deviations, by drawing again
      tensor.normal_(0, init.value, generator);
      for (int round = 0; round < 16; ++round) {
        const at::Tensor outside = tensor.abs() > 2 * init.value;
        if (!outside.any().item<bool>()) break;
        tensor = at::where(outside, at::empty_like(tensor).normal_(0, init.value, generator), tensor);
      }
      return tensor;
    }
    case Init::Kind::kXavierUniform: {
      const double receptive = shape.size() > 2 ? elements / static_cast<double>(shape[0] * shape[1]) : 1;
      const double fan_out = shape.empty() ? 1 : static_cast<double>(shape[0]) * receptive;
      const double bound = std::sqrt(6.0 / (fan_in + fan_out));
      return tensor.uniform_(-bound, bound, generator);
    }
    case Init::Kind::kKaimingUniform: {
      const double bound = 1.0 / std::sqrt(fan_in);
      return tensor.uniform_(-bound, bound, generator);
    }
  }
  return tensor;
}

}  // namespace svg
