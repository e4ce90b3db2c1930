#include "distributed/gradient_reducer.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include "core/error.h"
#include "core/transfer.h"

namespace svg {
namespace {

constexpr int64_t kFirstBucketBytes = 1 << 20;
constexpr int64_t kBytes = sizeof(float);

struct Hook : torch::autograd::PostAccumulateGradHook {
  explicit Hook(std::function<void()> then) : then(std::move(then)) {}
  void operator()(const at::Tensor&) override { then(); }
  std::function<void()> then;
};

/// The names of `order` that are parameters, then the others.
std::vector<std::string> ordered_names(const TensorMap& parameters, const std::vector<std::string>& order) {
  std::vector<std::string> names;
  TensorMap rest = parameters;
  for (const std::string& name : order) {
    if (rest.erase(name)) names.push_back(name);
  }
  for (const auto& entry : rest) names.push_back(entry.first);
  return names;
}

}  // namespace

GradientReducer::GradientReducer(ProcessGroup& group, const TensorMap& parameters, const TensorMap& leaves,
                                 const std::vector<std::string>& order, const SyncOptions& options)
    : group_(group), mode_(options.mode) {
  SVG_CHECK(options.bucket_bytes > 0, ErrorCode::kInvalidArgument, "buckets of ", options.bucket_bytes, " bytes");
  std::vector<int64_t> sizes;
  int64_t total = 0;
  for (const std::string& name : ordered_names(parameters, order)) {
    Parameter parameter;
    parameter.name = name;
    parameter.master = parameters.at(name);
    parameter.leaf = leaves.at(name);
    places_[name] = parameters_.size();
    parameters_.push_back(std::move(parameter));
    sizes.push_back(parameters.at(name).numel());
    total += sizes.back();
  }
  BucketOptions wanted;
  wanted.elements = options.bucket_bytes / kBytes;
  if (mode_ == ParallelMode::kOptimizer) {
    wanted.owners = group_.world();
    wanted.elements = std::min(wanted.elements, total / group_.world() + 1);  // something for everyone
  }
  wanted.first_elements = std::min(wanted.elements, kFirstBucketBytes / kBytes);
  buckets_ = make_buckets(sizes, wanted);
  for (size_t i = 0; i < buckets_.size(); ++i) {
    for (const BucketSlot& slot : buckets_[i].slots) {
      parameters_[slot.parameter].bucket = i;
      parameters_[slot.parameter].offset = slot.offset;
    }
  }
  for (size_t i = 0; i < parameters_.size(); ++i) {
    torch::autograd::impl::set_post_acc_grad_hooks(parameters_[i].leaf,
                                                   std::make_unique<Hook>([this, i] { on_gradient(i); }));
  }
  start_step();
}

GradientReducer::~GradientReducer() {
  for (const Parameter& parameter : parameters_) {
    torch::autograd::impl::set_post_acc_grad_hooks(parameter.leaf, nullptr);
  }
}

void GradientReducer::start_step() {
  overlapping_ = false;
  marking_.reset();
  launched_ = 0;
  travels_.clear();
  travels_.resize(buckets_.size());
  for (Parameter& parameter : parameters_) {
    parameter.arrived = parameter.used = false;
    if (parameter.awaited) ++travels_[parameter.bucket].missing;
  }
}

void GradientReducer::begin_backward(bool last) {
  SVG_CHECK(!overlapping_ && !marking_, ErrorCode::kInternal, "a backward pass after the last of a step");
  overlapping_ = last;
}

void GradientReducer::on_gradient(size_t index) {
  if (!overlapping_) return;
  Parameter& parameter = parameters_[index];
  if (!parameter.arrived && parameter.awaited) --travels_[parameter.bucket].missing;
  parameter.arrived = true;
  while (launched_ < buckets_.size() && travels_[launched_].missing == 0) launch(launched_);
}

bool GradientReducer::is_mine(const Bucket& bucket) const {
  return mode_ == ParallelMode::kData || bucket.owner == group_.rank();
}

at::Tensor GradientReducer::segment(size_t index) const {
  const Parameter& parameter = parameters_[index];
  return travels_[parameter.bucket]
      .flat.narrow(0, parameter.offset, parameter.master.numel())
      .view(parameter.master.sizes());
}

void GradientReducer::launch(size_t bucket) {
  const c10::NoGradGuard no_grad;
  Travel& travel = travels_[bucket];
  travel.flat = at::empty({buckets_[bucket].elements}, parameters_.front().master.options().requires_grad(false));
  for (const BucketSlot& slot : buckets_[bucket].slots) {
    Parameter& parameter = parameters_[slot.parameter];
    at::Tensor place = segment(slot.parameter);
    at::Tensor& sum = parameter.master.mutable_grad();
    at::Tensor& gradient = parameter.leaf.mutable_grad();  // the same one where the leaf is the parameter
    parameter.used = sum.defined() || gradient.defined();
    const bool is_copy = !parameter.leaf.is_same(parameter.master);
    if (sum.defined()) {
      place.copy_(sum);
      if (is_copy && gradient.defined()) place.add_(gradient);
    } else if (gradient.defined()) {
      place.copy_(gradient);
    } else {
      place.zero_();
    }
    // What comes after this is late, and must not touch what travels.
    sum.reset();
    gradient.reset();
  }
  travel.collective = mode_ == ParallelMode::kData ? group_.start_all_reduce(travel.flat)
                                                   : group_.start_reduce(travel.flat, buckets_[bucket].owner);
  launched_ = bucket + 1;
}

void GradientReducer::end_backward() {
  const c10::NoGradGuard no_grad;
  overlapping_ = false;
  while (launched_ < buckets_.size()) launch(launched_);
  const auto count = static_cast<int64_t>(parameters_.size());
  at::Tensor marks = at::zeros({2, count}, at::kInt);
  auto own = marks.accessor<int, 2>();
  for (int64_t i = 0; i < count; ++i) {
    const Parameter& parameter = parameters_[static_cast<size_t>(i)];
    const bool late = parameter.master.grad().defined() || parameter.leaf.grad().defined();
    own[0][i] = parameter.used || late ? 1 : 0;
    own[1][i] = late ? 1 : 0;
  }
  marks_ = sent_to(marks, group_.device());
  marking_ = group_.start_all_reduce(marks_, ReduceOp::kMax);
}

void GradientReducer::finish() {
  const c10::NoGradGuard no_grad;
  SVG_CHECK(marking_, ErrorCode::kInternal, "gradients are finished before the backward pass has ended");
  for (size_t i = 0; i < buckets_.size(); ++i) {
    travels_[i].collective->wait();
    if (!is_mine(buckets_[i])) travels_[i].flat.reset();
  }
  marking_->wait();
  const at::Tensor marks = marks_.cpu();
  const auto count = static_cast<int64_t>(parameters_.size());
  const auto anywhere = marks.accessor<int, 2>();
  const bool any = marks[0].any().item<bool>();  // else all ranks left their backward passes out
  for (int64_t i = 0; i < count; ++i) {
    if (anywhere[1][i] != 0) add_late(static_cast<size_t>(i));
  }
  for (int64_t i = 0; i < count; ++i) {
    Parameter& parameter = parameters_[static_cast<size_t>(i)];
    if (any) parameter.awaited = anywhere[0][i] != 0;
    if (anywhere[0][i] != 0 && is_mine(buckets_[parameter.bucket])) {
      parameter.master.mutable_grad() = segment(static_cast<size_t>(i));
    }
  }
  start_step();
}

void GradientReducer::add_late(size_t index) {
  Parameter& parameter = parameters_[index];
  const at::Tensor late = at::zeros_like(parameter.master);
  for (const at::Tensor& holder : {parameter.master, parameter.leaf}) {
    at::Tensor& gradient = holder.mutable_grad();
    if (gradient.defined()) late.add_(gradient);
    gradient.reset();  // so that a leaf that is the parameter counts once
  }
  const Bucket& bucket = buckets_[parameter.bucket];
  if (mode_ == ParallelMode::kData) {
    group_.all_reduce(late);
  } else {
    group_.reduce(late, bucket.owner);
  }
  if (is_mine(bucket)) segment(index).add_(late);
}

void GradientReducer::discard() {
  for (const Parameter& parameter : parameters_) {
    parameter.master.mutable_grad().reset();
    parameter.leaf.mutable_grad().reset();
  }
  start_step();
}

bool GradientReducer::owns(const std::string& name) const {
  return is_mine(buckets_[parameters_[places_.at(name)].bucket]);
}

bool GradientReducer::saves(const std::string& name) const {
  const bool by_first = mode_ == ParallelMode::kData || !places_.count(name);
  return by_first ? group_.rank() == 0 : owns(name);
}

at::Tensor GradientReducer::sum(const at::Tensor& values) {
  const at::Tensor sums = sent_to(values, group_.device());
  const at::Tensor own = sums.is_same(values) ? sums.clone() : sums;
  group_.all_reduce(own);
  return own;
}

at::Tensor GradientReducer::global_norm(const at::Tensor& owned_norm) {
  if (mode_ == ParallelMode::kData) return owned_norm;  // of the same bits everywhere
  return sum(owned_norm.square().reshape({1})).sqrt().squeeze(0);
}

void GradientReducer::broadcast_owned(const TensorMap& owned,
                                      const std::function<void(size_t, const at::Tensor&)>& deliver) {
  const c10::NoGradGuard no_grad;
  std::unique_ptr<Collective> travelling;
  std::function<void()> unpack;
  const auto land = [&] {
    if (!travelling) return;
    travelling->wait();
    unpack();
  };
  for (const Bucket& bucket : buckets_) {
    const at::Tensor flat = at::empty({bucket.elements}, parameters_.front().master.options().requires_grad(false));
    const auto place = [this, flat](const BucketSlot& slot) {
      const at::Tensor& master = parameters_[slot.parameter].master;
      return flat.narrow(0, slot.offset, master.numel()).view(master.sizes());
    };
    if (bucket.owner == group_.rank()) {
      for (const BucketSlot& slot : bucket.slots) place(slot).copy_(owned.at(parameters_[slot.parameter].name));
    }
    auto next = group_.start_broadcast(flat, bucket.owner);
    land();  // the one before, while this one travels
    travelling = std::move(next);
    unpack = [&deliver, &bucket, place] {
      for (const BucketSlot& slot : bucket.slots) deliver(slot.parameter, place(slot));
    };
  }
  land();
}

void GradientReducer::after_step() {
  if (mode_ == ParallelMode::kData) return;
  TensorMap masters;
  for (const Parameter& parameter : parameters_) masters[parameter.name] = parameter.master;
  broadcast_owned(masters, [this](size_t index, const at::Tensor& value) {
    Parameter& parameter = parameters_[index];
    if (!is_mine(buckets_[parameter.bucket])) parameter.master.copy_(value);
  });
}

TensorMap GradientReducer::gather(const TensorMap& owned) {
  const bool is_first = group_.rank() == 0;
  if (mode_ == ParallelMode::kData) return is_first ? owned : TensorMap{};
  TensorMap all;
  broadcast_owned(owned, [&](size_t index, const at::Tensor& value) {
    if (is_first) all[parameters_[index].name] = value;
  });
  return all;
}

}  // namespace svg
