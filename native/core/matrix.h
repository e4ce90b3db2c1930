// The weight of a linear layer, however it is stored: plain, quantised, or a base with a low-rank difference.
#pragma once

#include <ATen/ATen.h>

#include <memory>

#include "core/int8.h"

namespace svg {

/// W (out, in). A source that stores a weight in a form of its own hands it out as one of these (WeightSource::matrix).
class Matrix {
 public:
  virtual ~Matrix() = default;

  /// x (..., in) -> x W^T + bias, (..., out), in dtype(). `bias` (out) may be undefined.
  virtual at::Tensor product(const at::Tensor& x, const at::Tensor& bias) const = 0;
  /// Whether it multiplies 8-bit rows as they are; unscaled_product() is for such matrices alone.
  virtual bool is_int8() const { return false; }
  /// (values - 128) W^T: x W^T before each row is multiplied by its scale, (T, out) fp32.
  virtual at::Tensor unscaled_product(const QuantisedRows& x) const;
  /// Rows start to start + count of W: the part that gives these outputs. Shares what is stored, but for packed forms.
  virtual std::shared_ptr<const Matrix> rows(int64_t start, int64_t count) const = 0;

  /// This one's rows and those of `below` as one matrix, so that one product gives both outputs; copied. nullptr where
  /// the two do not go together, or gradients are asked of one.
  virtual std::shared_ptr<const Matrix> joined(const Matrix& below) const;

  virtual int64_t in() const = 0;
  virtual int64_t out() const = 0;
  /// Of what is multiplied; what is stored may be smaller.
  virtual at::ScalarType dtype() const = 0;
  virtual at::Device device() const = 0;
  /// Whether gradients are asked of it, or of a part of it.
  virtual bool trained() const = 0;
  /// W itself where it is stored as a tensor and nothing else, undefined elsewhere.
  virtual at::Tensor plain() const { return {}; }
};

/// A tensor (out, in), as it is.
std::shared_ptr<const Matrix> plain_matrix(at::Tensor weight);

}  // namespace svg
