#include "metrics/row_store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/file_error.h"
#include "metrics/feature_rows.h"

namespace svg {
namespace {

constexpr int64_t kBlockRows = 1024;              // of a block in memory
constexpr size_t kMaxTransfer = size_t{8} << 20;  // a call stays short

/// A file in the folder that no other process sees and that is gone with its descriptor, however the process ends.
int open_unnamed_file(const std::string& folder) {
#ifdef O_TMPFILE
  const int unnamed = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (unnamed >= 0) return unnamed;
#endif
  // Not every file system has files without a name: one that is unlinked at once serves as well.
  std::string path = folder + "/.svg-t2i-rows-XXXXXX";
  const int file = ::mkostemp(path.data(), O_CLOEXEC);
  if (file < 0) throw file_error("create a file of features in " + folder, errno);
  ::unlink(path.c_str());
  return file;
}

}  // namespace

SpillOptions::SpillOptions(int64_t bytes, std::string folder)
    : shared_(std::make_shared<Shared>(Shared{bytes, std::move(folder)})) {}

RowStore::RowStore(int64_t dimensions, SpillOptions spill) : dimensions_(dimensions), spill_(std::move(spill)) {
  SVG_CHECK(dimensions > 0, ErrorCode::kInvalidArgument, "[metrics] rows of no features");
}

RowStore::~RowStore() {
  drop_blocks(0);
  if (file_ >= 0) ::close(file_);
}

void RowStore::append(const at::Tensor& rows) {
  const at::Tensor checked = checked_rows(rows, dimensions_);
  const int64_t n = checked.size(0);
  if (n == 0) return;
  if (file_ < 0) {
    const int64_t blocks = (count_ + n + kBlockRows - 1) / kBlockRows - static_cast<int64_t>(blocks_.size());
    const int64_t more = std::max(blocks, int64_t{0}) * kBlockRows * row_bytes();
    if (spill_.shared_->held + more > spill_.bytes()) move_to_file();
  }
  file_ < 0 ? append_in_memory(checked) : append_in_file(checked);
  count_ += n;
}

void RowStore::append_in_memory(const at::Tensor& rows) {
  const size_t before = blocks_.size();
  const int64_t n = rows.size(0);
  try {
    while (static_cast<int64_t>(blocks_.size()) * kBlockRows < count_ + n) {
      blocks_.push_back(at::empty({kBlockRows, dimensions_}, at::kFloat));
      spill_.shared_->held += kBlockRows * row_bytes();
    }
  } catch (...) {
    drop_blocks(before);
    throw;
  }
  const float* source = rows.const_data_ptr<float>();
  for (int64_t done = 0; done < n;) {
    const int64_t at = (count_ + done) % kBlockRows, some = std::min(n - done, kBlockRows - at);
    float* target = blocks_[static_cast<size_t>((count_ + done) / kBlockRows)].mutable_data_ptr<float>();
    std::memcpy(target + at * dimensions_, source + done * dimensions_, static_cast<size_t>(some * row_bytes()));
    done += some;
  }
}

void RowStore::append_in_file(const at::Tensor& rows) {
  try {
    write(file_, count_, rows.const_data_ptr<float>(), rows.size(0));
  } catch (...) {
    truncate(count_);  // gives back the room of what was written of them
    throw;
  }
}

void RowStore::move_to_file() {
  const int file = open_unnamed_file(spill_.folder());
  try {
    for (int64_t from = 0; from < count_; from += kBlockRows) {
      const at::Tensor& block = blocks_[static_cast<size_t>(from / kBlockRows)];
      write(file, from, block.const_data_ptr<float>(), std::min(kBlockRows, count_ - from));
    }
  } catch (...) {
    ::close(file);  // the rows are still in memory
    throw;
  }
  file_ = file;
  drop_blocks(0);
}

void RowStore::write(int file, int64_t from, const float* rows, int64_t count) const {
  const auto* bytes = reinterpret_cast<const char*>(rows);
  auto left = static_cast<size_t>(count * row_bytes());
  for (off_t offset = from * row_bytes(); left > 0;) {
    const ssize_t written = ::pwrite(file, bytes, std::min(left, kMaxTransfer), offset);
    if (written < 0 && errno == EINTR) continue;
    // Some file systems answer 0 where they have no room.
    if (written <= 0) {
      throw file_error("write features to a file in " + spill_.folder(), written < 0 ? errno : ENOSPC);
    }
    bytes += written;
    offset += written;
    left -= static_cast<size_t>(written);
  }
}

void RowStore::read(int64_t from, int64_t to, float* target) const {
  if (file_ < 0) {
    for (int64_t row = from; row < to;) {
      const int64_t at = row % kBlockRows, some = std::min(to - row, kBlockRows - at);
      const float* block = blocks_[static_cast<size_t>(row / kBlockRows)].const_data_ptr<float>();
      std::memcpy(target + (row - from) * dimensions_, block + at * dimensions_,
                  static_cast<size_t>(some * row_bytes()));
      row += some;
    }
    return;
  }
  auto* bytes = reinterpret_cast<char*>(target);
  auto left = static_cast<size_t>((to - from) * row_bytes());
  for (off_t offset = from * row_bytes(); left > 0;) {
    const ssize_t got = ::pread(file_, bytes, std::min(left, kMaxTransfer), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw file_error("read features back from a file in " + spill_.folder(), got < 0 ? errno : EIO);
    bytes += got;
    offset += got;
    left -= static_cast<size_t>(got);
  }
}

at::Tensor RowStore::rows(int64_t from, int64_t to) const {
  SVG_CHECK(0 <= from && from <= to && to <= count_, ErrorCode::kInvalidArgument, "[metrics] rows ", from, " to ", to,
            " of ", count_);
  at::Tensor rows = at::empty({to - from, dimensions_}, at::kFloat);
  read(from, to, rows.mutable_data_ptr<float>());
  return rows;
}

at::Tensor RowStore::rows(const std::vector<int64_t>& numbers) const {
  at::Tensor rows = at::empty({static_cast<int64_t>(numbers.size()), dimensions_}, at::kFloat);
  float* target = rows.mutable_data_ptr<float>();
  for (size_t i = 0; i < numbers.size();) {
    // Neighbours are read at once: in order, that is all of them.
    size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    const int64_t from = numbers[i], to = numbers[end - 1] + 1;
    SVG_CHECK(0 <= from && to <= count_, ErrorCode::kInvalidArgument, "[metrics] row ", from < 0 ? from : to - 1,
              " of ", count_);
    read(from, to, target + static_cast<int64_t>(i) * dimensions_);
    i = end;
  }
  return rows;
}

void RowStore::truncate(int64_t count) {
  SVG_CHECK(0 <= count && count <= count_, ErrorCode::kInvalidArgument, "[metrics] ", count, " rows kept of ", count_);
  count_ = count;
  if (file_ < 0) return drop_blocks(static_cast<size_t>((count + kBlockRows - 1) / kBlockRows));
  // Only the room would be lost where it fails: what lies behind the last row is never read.
  if (::ftruncate(file_, count * row_bytes()) != 0) return;
}

void RowStore::drop_blocks(size_t kept) {
  while (blocks_.size() > kept) {
    blocks_.pop_back();
    spill_.shared_->held -= kBlockRows * row_bytes();
  }
}

}  // namespace svg
