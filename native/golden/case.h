// One golden case: a folder with case.json, io.safetensors and weights (stored or seeded).
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/weights.h"

namespace svg {

class GoldenCase {
 public:
  /// Throws Error(kFileNotFound | kFileFormat) for a folder that is no case.
  explicit GoldenCase(const std::string& folder, at::Device device = at::kCPU);

  const std::string& folder() const { return folder_; }
  const std::string& module() const { return module_; }
  at::Device device() const { return device_; }
  const Json& spec() const { return spec_; }  // all of case.json
  const Json& config() const { return spec_.at("config"); }
  bool has_input(const std::string& name) const;     // name without "in."
  at::Tensor input(const std::string& name) const;   // on the device
  at::Tensor output(const std::string& name) const;  // the wanted values, without "out."
  std::vector<std::string> output_names() const;
  /// Stored tensors of any name in io.safetensors ("in.x", "grad.y", ...).
  const TensorMap& io() const { return io_; }
  /// weights.safetensors or drawn by `seeded_weights`, on the device; `group` picks one of several seeded sets.
  Weights weights(const std::string& group = "") const;
  /// The same on the CPU.
  TensorMap weight_map(const std::string& group = "") const;

  /// Compares an output with |got - want| <= atol + rtol |want|; throws nothing, records only.
  void expect(const std::string& output_name, const at::Tensor& got);
  /// As above with tensors that the caller names and tolerances from case.json's `tolerance` (or a part of it).
  void expect_close(const std::string& label, const at::Tensor& got, const at::Tensor& want, double atol, double rtol);
  /// Records a scalar that must not exceed its bound (relative norms, pixel levels).
  void expect_at_most(const std::string& label, double value, double bound);
  /// Records a failure in words.
  void fail(const std::string& message);

  double atol() const;
  double rtol() const;
  bool passed() const { return failures_.empty(); }
  double max_error() const { return max_error_; }  // largest absolute difference met
  /// {"name","module","status","maxError","tolerance","message"}
  Json report() const;

 private:
  std::string folder_;
  std::string module_;
  at::Device device_;
  Json spec_;
  TensorMap io_;
  double max_error_ = 0;
  std::vector<std::string> failures_;
};

/// Draws the weights of `seeded_weights` (test/golden/README.md gives the rule): names in ascending
/// byte order from one CPU generator; `keys` maps names to shapes; `abs` lists those made positive;
/// `offset` maps last parts of names to what is added to them in the end.
TensorMap draw_seeded_weights(int64_t seed, double gain, const Json& keys, const std::vector<std::string>& abs,
                              const Json* offset = nullptr);

/// Of its folder: the last part of the path, whether or not it ends in a slash.
std::string golden_case_name(const std::string& folder);

using GoldenRunner = std::function<void(GoldenCase&)>;

}  // namespace svg
