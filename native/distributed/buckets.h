// Which gradients travel together, and which rank owns them. The same on all ranks and in every step, so that sums are
// rounded alike before and after a restart.
#pragma once

#include <cstdint>
#include <vector>

namespace svg {

struct BucketSlot {
  size_t parameter;  // place in the order that was given
  int64_t offset;    // elements into the bucket
};

struct Bucket {
  std::vector<BucketSlot> slots;
  int64_t elements = 0;
  int64_t owner = 0;  // of its optimiser state, where that is sharded
};

struct BucketOptions {
  int64_t elements = 0;        // at most, but for a single parameter that is larger
  int64_t first_elements = 0;  // of the first one: small, so that communication starts early
  int64_t owners = 1;          // ranks that share the buckets, evenly by elements
};

/// Fills buckets from the last parameter to the first, about the order in which backward finishes gradients.
/// `sizes` are elements, in the order of the forward pass.
std::vector<Bucket> make_buckets(const std::vector<int64_t>& sizes, const BucketOptions& options);

}  // namespace svg
