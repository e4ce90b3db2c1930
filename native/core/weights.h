// Where a module takes its parameters from. Models ask by published name and shape; what answers
// (a checkpoint, seeded values of a golden case, an initialiser in training) is none of their business.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/int8.h"

namespace svg {

class Matrix;

using TensorMap = std::map<std::string, at::Tensor>;

/// What a fresh parameter is filled with when training starts from nothing.
struct Init {
  enum class Kind { kZeros, kOnes, kConstant, kNormal, kTruncatedNormal, kXavierUniform, kKaimingUniform };
  Kind kind = Kind::kXavierUniform;
  double value = 0;  // the constant, or the standard deviation

  static Init zeros() { return {Kind::kZeros, 0}; }
  static Init ones() { return {Kind::kOnes, 0}; }
  static Init constant(double value) { return {Kind::kConstant, value}; }
  static Init normal(double std) { return {Kind::kNormal, std}; }
  static Init truncated_normal(double std) { return {Kind::kTruncatedNormal, std}; }
  static Init xavier_uniform() { return {Kind::kXavierUniform, 0}; }
  /// torch's default of Linear and Conv2d: uniform in +-1/sqrt(fan_in).
  static Init kaiming_uniform() { return {Kind::kKaimingUniform, 0}; }
};

/// kMatrix parameters follow the working dtype; kExact ones keep at least fp32 (norm buffers,
/// RoPE periods, running statistics). kBuffer is kExact and never trained. kTable is handed out as it is stored,
/// on the CPU: a vocabulary's rows are looked up first and cast after, so that the table is never copied.
enum class Role { kMatrix, kExact, kBuffer, kTable };

class WeightSource {
 public:
  virtual ~WeightSource() = default;
  /// nullptr-like (undefined) tensor where the name is absent.
  virtual at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) = 0;
  /// The weight of a linear layer where it is stored in a form of its own (core/matrix.h); null, as for most sources,
  /// where find() tells all there is.
  virtual std::shared_ptr<const Matrix> matrix(const std::string& /*name*/, at::IntArrayRef /*shape*/, Init /*init*/) {
    return nullptr;
  }
  /// Whether matrices are stored as 8-bit numbers with scales.
  virtual bool is_int8() const { return false; }
  /// A matrix that is stored as 8-bit numbers with their scales, as such; none elsewhere.
  virtual std::optional<Int8Rows> int8_rows(const std::string& /*name*/) { return std::nullopt; }
  /// Tells that what was handed out of a tensor as it is stored was copied, so that its pages may leave memory.
  virtual void release(const std::string& /*name*/) {}
  /// Shape of a stored tensor, or an empty optional where the name is absent or nothing is stored.
  virtual std::optional<std::vector<int64_t>> shape_of(const std::string& name) const = 0;
  /// For messages: the file, or what stands for it.
  virtual std::string description() const = 0;
  /// Stored tensors that nobody asked find() for, where the source keeps account of it.
  virtual std::vector<std::string> unused() const { return {}; }
};

/// A cheap, copyable view of a source below a name prefix.
class Weights {
 public:
  explicit Weights(std::shared_ptr<WeightSource> source, std::string prefix = "")
      : source_(std::move(source)), prefix_(std::move(prefix)) {}

  /// weights.scope("layers.0") sees "layers.0.*".
  Weights scope(const std::string& name) const { return Weights(source_, prefix_ + name + "."); }

  /// Throws Error(kWeightsMismatch) naming tensor, file and both shapes, or the type where it holds no real numbers.
  at::Tensor get(const std::string& name, at::IntArrayRef shape, Init init = Init::xavier_uniform(),
                 Role role = Role::kMatrix) const;
  /// Undefined where the tensor is absent; a wrong shape still throws.
  at::Tensor get_optional(const std::string& name, at::IntArrayRef shape, Init init = Init::zeros(),
                          Role role = Role::kMatrix) const;
  /// The weight of a linear layer, (out, in), in whatever form it is stored. Throws as get() does.
  std::shared_ptr<const Matrix> matrix(const std::string& name, at::IntArrayRef shape,
                                       Init init = Init::xavier_uniform()) const;
  bool is_int8() const { return source_->is_int8(); }
  /// As the source has them.
  std::optional<Int8Rows> int8_rows(const std::string& name) const { return source_->int8_rows(prefix_ + name); }
  void release(const std::string& name) const { source_->release(prefix_ + name); }
  bool has(const std::string& name) const;
  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const {
    return source_->shape_of(prefix_ + name);
  }
  /// For messages: the file, or what stands for it.
  std::string description() const { return source_->description(); }
  /// Of the whole source, under stored names.
  std::vector<std::string> unused() const { return source_->unused(); }

 private:
  std::shared_ptr<WeightSource> source_;
  std::string prefix_;
};

/// To be called once a model is built: throws Error(kWeightsMismatch) naming the tensors that it did not ask for, but
/// for those that `known` says it has no use for. What a model does not know could change what it computes.
void refuse_unknown_tensors(const Weights& weights, const std::string& model,
                            const std::function<bool(const std::string& name)>& known);

/// Tensors in memory or memory-mapped, by name. Casts matrices to `dtype`, moves all to `device`.
class MapSource : public WeightSource {
 public:
  MapSource(TensorMap tensors, std::string description, at::Device device = at::kCPU,
            at::ScalarType dtype = at::kFloat);

  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override;
  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override;
  std::string description() const override { return description_; }
  std::vector<std::string> unused() const override;

 private:
  TensorMap tensors_;
  std::set<std::string> used_;
  std::string description_;
  at::Device device_;
  at::ScalarType dtype_;
};

/// Gives trainable parameters: from `start` where it has that name and shape, drawn from `generator` otherwise. Keeps
/// every parameter and buffer that was asked for, by name, in fp32. With bf16 as `compute`, the model gets bf16 copies
/// of the matrices to compute with (mixed precision, arXiv 1710.03740): after a backward pass gather_gradients() moves
/// their gradients to the fp32 parameters, after an update refresh_copies() rounds the parameters again.
class TrainableSource : public WeightSource {
 public:
  TrainableSource(TensorMap start, at::Generator generator, at::Device device = at::kCPU,
                  at::ScalarType compute = at::kFloat);

  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override;
  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override;
  std::string description() const override { return "the initial weights"; }

  const TensorMap& parameters() const { return parameters_; }
  const TensorMap& buffers() const { return buffers_; }
  /// Names of the parameters as the model asked for them, about the order of the forward pass.
  const std::vector<std::string>& order() const { return order_; }
  /// What the model differentiates by: the copies where there are some, the parameters themselves elsewhere.
  TensorMap leaves() const;

  /// Adds the copies' gradients to those of the parameters, in fp32, and clears the copies'.
  void gather_gradients();
  void refresh_copies();

 private:
  TensorMap start_;
  at::Generator generator_;
  at::Device device_;
  at::ScalarType compute_;
  TensorMap parameters_;
  std::vector<std::string> order_;
  TensorMap copies_;  // of some parameters, in compute_
  TensorMap buffers_;
};

/// Fills a new fp32 CPU tensor as torch's initialisers do. fan_in = elements / shape[0].
at::Tensor initialise(at::IntArrayRef shape, Init init, at::Generator generator);

}  // namespace svg
