// Weights that are counted and not read: a model that is built over them says what it takes in memory.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "core/int8.h"
#include "core/weights.h"

namespace svg {

/// Numbers by what becomes of them.
struct WeightCount {
  int64_t matrices = 0;  // in the dtype that the model computes in
  int64_t int8 = 0;      // of these: in matrices that may be 8 bit
  int64_t outputs = 0;   // of such matrices, a scale each
  int64_t exact = 0;     // in fp32
  int64_t tables = 0;    // as they are stored, looked up row by row: they stay in the file

  int64_t parameters() const { return matrices + exact + tables; }
  /// In memory, with matrices of so many bytes an element.
  int64_t bytes(int64_t element_bytes) const { return matrices * element_bytes + exact * 4; }
  /// The same with 8-bit matrices where there may be.
  int64_t int8_bytes(int64_t element_bytes) const {
    return bytes(element_bytes) - int8 * element_bytes + int8 + outputs * 4;
  }
  WeightCount& operator+=(const WeightCount& other);
};

/// Gives tensors without memory (device meta), but for buffers, whose values models look at. Names are those of
/// `stored` where there are some; else whatever is asked for is there.
class CountedWeights : public WeightSource {
 public:
  explicit CountedWeights(std::optional<Weights> stored = std::nullopt, TakesInt8 takes_int8 = nullptr)
      : stored_(std::move(stored)), takes_int8_(std::move(takes_int8)) {}

  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override;
  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override;
  std::string description() const override { return stored_ ? stored_->description() : "dimensions alone"; }

  const WeightCount& count() const { return count_; }

 private:
  std::optional<Weights> stored_;
  TakesInt8 takes_int8_;
  std::set<std::string> known_;
  WeightCount count_;
};

}  // namespace svg
