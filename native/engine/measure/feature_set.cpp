#include "engine/measure/feature_set.h"

#include "core/error.h"

namespace svg {

KeptFeatures KeptFeatures::of_metrics(const std::vector<std::string>& metrics) {
  KeptFeatures kept;
  for (const std::string& metric : metrics) {
    if (metric == "fid") {
      kept.moments = true;
    } else if (metric == "sfid") {
      kept.spatial_moments = true;
    } else if (metric == "kid" || metric == "pr") {
      kept.rows = true;
    } else if (metric == "is") {
      kept.logits = true;
    } else {
      throw Error(ErrorCode::kInternal, concat("unknown metric \"", metric, "\": known are fid, is, kid, pr, sfid"));
    }
  }
  return kept;
}

FeatureSet::FeatureSet(std::string name, const KeptFeatures& kept, const SpillOptions& spill) : name_(std::move(name)) {
  if (kept.moments) moments_.emplace(Inception::kPool);
  if (kept.spatial_moments) spatial_moments_.emplace(Inception::kSpatial);
  if (kept.rows) rows_ = std::make_unique<RowStore>(Inception::kPool, spill);
  if (kept.logits) logits_ = std::make_unique<RowStore>(Inception::kClasses, spill);
}

void FeatureSet::add(const InceptionFeatures& features) {
  for (const at::Tensor& rows : {features.pool, features.logits, features.spatial}) {
    SVG_CHECK(rows.isfinite().all().item<bool>(), ErrorCode::kNumeric, "set \"", name_,
              "\": the network gave NaN or infinity for a picture");
  }
  // Of two moments the first one was added to where the second one fails.
  std::optional<Moments> before;
  if (moments_ && spatial_moments_) before = moments_;
  try {
    if (rows_) rows_->append(features.pool);
    if (logits_) logits_->append(features.logits);
    if (moments_) moments_->add(features.pool);
    if (spatial_moments_) spatial_moments_->add(features.spatial);
  } catch (...) {
    if (rows_) rows_->truncate(count_);
    if (logits_) logits_->truncate(count_);
    if (before) moments_ = std::move(before);
    throw;
  }
  count_ += features.pool.size(0);
}

Statistics FeatureSet::pool_statistics() const {
  if (given_) return given_->pool;
  if (!moments_) lacks("statistics of its features", "fid");
  return moments_->statistics();
}

Statistics FeatureSet::spatial_statistics() const {
  if (given_ && given_->spatial) return *given_->spatial;
  if (!spatial_moments_ || (given_ && count_ == 0)) lacks("statistics of spatial features (mu_s, sigma_s)", "sfid");
  return spatial_moments_->statistics();
}

bool FeatureSet::has_spatial_statistics() const {
  return (given_ && given_->spatial) || (spatial_moments_ && spatial_moments_->count() > 1);
}

const RowStore& FeatureSet::rows(const char* metric) const {
  if (!rows_ || rows_->count() == 0) lacks("the features of each picture", metric);
  return *rows_;
}

const RowStore& FeatureSet::logits(const char* metric) const {
  if (!logits_ || logits_->count() == 0) lacks("what the network answers to each picture", metric);
  return *logits_;
}

void FeatureSet::lacks(const char* what, const char* metric) const {
  SVG_CHECK(count_ == 0, ErrorCode::kInternal, "set \"", name_, "\": ", metric,
            " was not named when the measurement was opened");
  throw Error(ErrorCode::kInvalidArgument,
              concat("set \"", name_, "\" holds ", given_ && count_ == 0 ? "statistics alone" : "no pictures", ", ",
                     metric, " needs ", what),
              "Give the pictures themselves: a folder, or an npz that holds them.");
}

}  // namespace svg
