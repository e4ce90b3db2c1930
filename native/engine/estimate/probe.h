// How long a machine takes for counted work: each large product, attention and convolution is tried with its own shape,
// on fewer rows where all of them would take too long.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "core/matrix.h"
#include "engine/device.h"
#include "models/work.h"

namespace svg {

/// Work and what it is done in.
struct ProbedWork {
  const Work* work;
  Precision precision;
};

class Probe {
 public:
  /// Tries what `works` are made of on `device`, for about so many seconds; elementwise operations in `dtype`.
  Probe(const std::vector<ProbedWork>& works, at::Device device, at::ScalarType dtype, double seconds);

  double seconds_of(const ProbedWork& probed) const;
  /// Multiplications and additions a second in what was tried.
  double flop_rate() const { return 1 / seconds_a_flop_; }
  /// Bytes a second of elementwise operations that do not fit into a cache.
  double byte_rate() const { return 1 / seconds_a_byte_; }
  /// Of an operation on next to nothing.
  double seconds_a_call() const { return seconds_a_call_; }

 private:
  /// Kind and dtype, then what the kind is told by.
  using Shape = std::tuple<int, at::ScalarType, int64_t, int64_t, int64_t, int64_t, int64_t>;

  /// One kind of work: what of it is alike, and how much there is at most.
  struct Entry {
    int64_t most = 0;           // rows, queries or rows of a map at once
    double flops_a_unit = 0;    // of one of them
    double flops = 0;           // of all
    double seconds_a_unit = 0;  // 0: not tried
  };

  void collect(const ProbedWork& probed);
  void try_passes(at::ScalarType dtype);
  /// Seconds of one unit, of `most` or of fewer at once.
  double try_entry(const Shape& shape, const Entry& entry, double patience) const;
  std::function<void()> prepared(const Shape& shape, int64_t units) const;
  /// x (units, in) by a matrix of 8 bit, (out, in).
  std::function<void()> prepared_int8(int64_t units, int64_t in, int64_t out) const;
  at::Tensor filled(at::IntArrayRef shape, at::ScalarType dtype) const;

  at::Device device_;
  std::map<Shape, Entry> entries_;
  mutable std::shared_ptr<const Matrix> packed_;  // the last one: packing takes as long as a product of many rows
  double seconds_a_flop_ = 0, seconds_a_byte_ = 0, seconds_a_call_ = 0;
};

}  // namespace svg
