// Rows of features that are kept: in memory up to a bound, from there in a file that has no name.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace svg {

/// What several stores may hold in memory together, and the folder for what is more.
class SpillOptions {
 public:
  SpillOptions(int64_t bytes, std::string folder);

  int64_t bytes() const { return shared_->bytes; }
  const std::string& folder() const { return shared_->folder; }

 private:
  friend class RowStore;
  struct Shared {
    int64_t bytes;
    std::string folder;
    int64_t held = 0;  // bytes that the stores hold in memory now
  };
  std::shared_ptr<Shared> shared_;  // copies of the options are one bound
};

class RowStore {
 public:
  /// Rows of `dimensions` fp32 numbers. Stores that were given copies of one SpillOptions share its bound: the one
  /// whose rows would go beyond it moves to a file.
  RowStore(int64_t dimensions, SpillOptions spill);
  ~RowStore();
  RowStore(const RowStore&) = delete;
  RowStore& operator=(const RowStore&) = delete;

  /// (n, d), on any device. A failed call leaves the store as it was. Throws Error(kInvalidArgument | kNumeric) as
  /// checked_rows does, Error(kDiskFull | kIo) naming the folder.
  void append(const at::Tensor& rows);
  int64_t count() const { return count_; }
  int64_t dimensions() const { return dimensions_; }
  /// Rows from (inclusive) to (exclusive), (to - from, d) fp32, a copy.
  at::Tensor rows(int64_t from, int64_t to) const;
  /// The rows of these numbers in this order, each as often as it is named.
  at::Tensor rows(const std::vector<int64_t>& numbers) const;
  /// Keeps the first `count` rows.
  void truncate(int64_t count);
  /// Whether the rows are in a file.
  bool spilled() const { return file_ >= 0; }

 private:
  int64_t row_bytes() const { return dimensions_ * static_cast<int64_t>(sizeof(float)); }
  void read(int64_t from, int64_t to, float* target) const;
  void write(int file, int64_t from, const float* rows, int64_t count) const;
  void append_in_memory(const at::Tensor& rows);
  void append_in_file(const at::Tensor& rows);
  void move_to_file();
  void drop_blocks(size_t kept);

  int64_t dimensions_;
  SpillOptions spill_;
  int64_t count_ = 0;
  std::vector<at::Tensor> blocks_;  // in memory: (kBlockRows, d) each, the last one filled in part
  int file_ = -1;                   // or all rows, one after the other
};

}  // namespace svg
