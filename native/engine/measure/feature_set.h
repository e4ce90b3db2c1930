// What is kept of a set of pictures, so that its metrics can be worked out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metrics/moments.h"
#include "metrics/row_store.h"
#include "models/inception/inception.h"

namespace svg {

/// Follows from the metrics that will be asked for.
struct KeptFeatures {
  bool moments = false;          // fid
  bool spatial_moments = false;  // sfid
  bool rows = false;             // kid, pr
  bool logits = false;           // is

  /// Throws Error(kInternal) for a metric that there is not.
  static KeptFeatures of_metrics(const std::vector<std::string>& metrics);
};

/// Statistics that came from a file, where features were worked out elsewhere.
struct GivenStatistics {
  Statistics pool;
  std::optional<Statistics> spatial;
};

class FeatureSet {
 public:
  /// `name` is for errors.
  FeatureSet(std::string name, const KeptFeatures& kept, const SpillOptions& spill);

  /// Adds rows, one a picture; a failed call leaves the set as it was. Throws Error(kNumeric) naming the set where a
  /// network gave NaN or infinity, and as RowStore and Moments do.
  void add(const InceptionFeatures& features);
  /// These stand for the set's own moments from here on.
  void give(GivenStatistics statistics) { given_ = std::move(statistics); }

  int64_t count() const { return count_; }
  const std::optional<GivenStatistics>& given() const { return given_; }

  // Each throws Error(kInvalidArgument) naming the set and what is missing: of statistics alone no rows are known.
  Statistics pool_statistics() const;
  Statistics spatial_statistics() const;
  const RowStore& rows(const char* metric) const;
  const RowStore& logits(const char* metric) const;

  /// Whether statistics of spatial features can be given.
  bool has_spatial_statistics() const;

 private:
  [[noreturn]] void lacks(const char* what, const char* metric) const;

  std::string name_;
  int64_t count_ = 0;
  std::optional<Moments> moments_, spatial_moments_;
  std::unique_ptr<RowStore> rows_, logits_;
  std::optional<GivenStatistics> given_;
};

}  // namespace svg
