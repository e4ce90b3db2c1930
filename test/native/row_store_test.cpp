// Rows of features in memory and in a file.
#include "metrics/row_store.h"

#include <sys/resource.h>

#include <csignal>
#include <limits>
#include <utility>

#include "check.h"
#include "core/rng.h"
#include "temp_folder.h"

namespace svg::test {
namespace {

constexpr int64_t kBlock = 1024;  // rows that memory is taken for at a time

int64_t bytes_of_blocks(int64_t blocks, int64_t dimensions) { return blocks * kBlock * dimensions * 4; }

/// While it lives, no file of this process grows beyond so many bytes: as a disk that is full.
class SmallFiles {
 public:
  explicit SmallFiles(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~SmallFiles() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  SmallFiles(const SmallFiles&) = delete;
  SmallFiles& operator=(const SmallFiles&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_;
};

}  // namespace

TEST_CASE("row store: rows come back as they went in, from memory and from a file") {
  const TempFolder folder;
  const at::Tensor rows = seeded_noise(1, {5000, 6});
  const std::pair<int64_t, int64_t> cuts[] = {{0, 1}, {1, 1}, {1, 1030}, {1030, 1031}, {1031, 5000}};
  for (const int64_t bytes : {int64_t{0}, bytes_of_blocks(2, 6), bytes_of_blocks(9, 6)}) {
    RowStore store(6, SpillOptions(bytes, folder.path()));
    for (const auto& [from, to] : cuts) {
      store.append(rows.slice(0, from, to));
      EXPECT(store.count() == to);
    }
    EXPECT(store.spilled() == (bytes < bytes_of_blocks(5, 6)));
    EXPECT(at::equal(store.rows(0, 5000), rows));
    EXPECT(at::equal(store.rows(1000, 3100), rows.slice(0, 1000, 3100)));
    EXPECT(store.rows(7, 7).sizes() == at::IntArrayRef({0, 6}));
    const std::vector<int64_t> numbers = {4999, 0, 1, 2, 1023, 1024, 1025, 7, 7, 3};
    EXPECT(at::equal(store.rows(numbers), rows.index_select(0, at::tensor(numbers, at::kLong))));
    EXPECT(std::filesystem::is_empty(folder.path()));  // the file has no name
    EXPECT_ERROR(store.rows(0, 5001), ErrorCode::kInvalidArgument, "of 5000");
    EXPECT_ERROR(store.rows({5000}), ErrorCode::kInvalidArgument, "row 5000 of 5000");
    EXPECT_ERROR(store.rows({-1}), ErrorCode::kInvalidArgument, "row -1");
  }
}

TEST_CASE("row store: what is cut off is written anew") {
  const TempFolder folder;
  const at::Tensor rows = seeded_noise(2, {3000, 4});
  for (const int64_t bytes : {int64_t{0}, bytes_of_blocks(9, 4)}) {
    RowStore store(4, SpillOptions(bytes, folder.path()));
    store.append(rows);
    store.truncate(1500);
    EXPECT(store.count() == 1500);
    EXPECT_ERROR(store.truncate(1501), ErrorCode::kInvalidArgument, "1501");
    store.append(rows.slice(0, 2000));
    EXPECT(at::equal(store.rows(0, 2500), at::cat({rows.slice(0, 0, 1500), rows.slice(0, 2000)})));
    store.truncate(0);
    store.append(rows.slice(0, 10, 20));
    EXPECT(at::equal(store.rows(0, 10), rows.slice(0, 10, 20)));
  }
}

TEST_CASE("row store: stores share one bound, and give back what they held") {
  const TempFolder folder;
  const SpillOptions spill(bytes_of_blocks(3, 4), folder.path());
  const at::Tensor rows = seeded_noise(3, {2000, 4});
  RowStore first(4, spill);
  first.append(rows);  // two blocks
  {
    RowStore second(4, spill);
    second.append(rows.slice(0, 0, 1000));  // the third
    EXPECT(!second.spilled());
    second.append(rows.slice(0, 1000));
    EXPECT(second.spilled() && !first.spilled());
    EXPECT(at::equal(second.rows(0, 2000), rows));
  }
  RowStore third(4, spill);
  third.append(rows.slice(0, 0, 1024));
  EXPECT(!third.spilled());
  first.append(rows);
  EXPECT(first.spilled());
  third.append(rows);
  EXPECT(!third.spilled() && at::equal(third.rows(1024, 3024), rows) && at::equal(first.rows(2000, 4000), rows));
}

TEST_CASE("row store: a full disk is told, and no row is lost") {
  const TempFolder folder;
  const at::Tensor rows = seeded_noise(4, {3000, 4});
  RowStore in_memory(4, SpillOptions(bytes_of_blocks(2, 4), folder.path()));
  in_memory.append(rows.slice(0, 0, 2000));
  RowStore in_file(4, SpillOptions(0, folder.path()));
  in_file.append(rows.slice(0, 0, 1000));
  {
    const SmallFiles limit(20000);  // 1250 rows
    EXPECT_ERROR(in_memory.append(rows.slice(0, 2000)), ErrorCode::kDiskFull, folder.path().substr(0, 10));
    EXPECT_ERROR(in_file.append(rows.slice(0, 1000)), ErrorCode::kDiskFull, "cannot write features");
  }
  EXPECT(!in_memory.spilled() && at::equal(in_memory.rows(0, in_memory.count()), rows.slice(0, 0, 2000)));
  EXPECT(at::equal(in_file.rows(0, in_file.count()), rows.slice(0, 0, 1000)));
  in_memory.append(rows.slice(0, 2000));
  in_file.append(rows.slice(0, 1000));
  EXPECT(at::equal(in_memory.rows(0, 3000), rows) && at::equal(in_file.rows(0, 3000), rows));
}

TEST_CASE("row store: refuses rows of others, and folders that are not there") {
  const TempFolder folder;
  RowStore store(4, SpillOptions(0, folder.path("none")));
  EXPECT_ERROR(store.append(seeded_noise(5, {2, 4})), ErrorCode::kIo, folder.path("none"));
  EXPECT_ERROR(store.append(seeded_noise(5, {2, 3})), ErrorCode::kInvalidArgument, "[2, 3]");
  EXPECT_ERROR(store.append(at::full({1, 4}, std::numeric_limits<float>::infinity())), ErrorCode::kNumeric, "finite");
  EXPECT(store.count() == 0);
}

}  // namespace svg::test
