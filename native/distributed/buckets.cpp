#include "distributed/buckets.h"

#include <algorithm>

namespace svg {

std::vector<Bucket> make_buckets(const std::vector<int64_t>& sizes, const BucketOptions& options) {
  std::vector<Bucket> buckets;
  for (size_t i = sizes.size(); i-- > 0;) {
    const int64_t limit = buckets.size() == 1 ? options.first_elements : options.elements;
    if (buckets.empty() || buckets.back().elements + sizes[i] > limit) buckets.emplace_back();
    Bucket& bucket = buckets.back();
    bucket.slots.push_back({i, bucket.elements});
    bucket.elements += sizes[i];
  }
  std::vector<int64_t> loads(static_cast<size_t>(options.owners), 0);
  for (Bucket& bucket : buckets) {
    const auto lightest = std::min_element(loads.begin(), loads.end());
    bucket.owner = lightest - loads.begin();
    *lightest += bucket.elements;
  }
  return buckets;
}

}  // namespace svg
