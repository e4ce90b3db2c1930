// Measuring sets of pictures: the networks, and what is kept of each set by its name.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/measure/feature_set.h"
#include "engine/measure/networks.h"
#include "metrics/inception_score.h"
#include "metrics/kernel_distance.h"
#include "metrics/precision_recall.h"

namespace svg {

/// How sets are held against each other.
struct SetComparison {
  std::string set;
  std::optional<std::string> reference;
  KernelDistanceOptions kernel;
  InceptionScoreOptions inception_score;
  int64_t neighbours;
};

class Measurement {
 public:
  struct Networks {
    std::optional<OpenedInception> inception;
    std::optional<Lpips> lpips;
  };

  /// `metrics`: those of sets that will be asked for (fid, sfid, kid, is, pr).
  Measurement(Networks networks, const std::vector<std::string>& metrics, const SpillOptions& spill, at::Device device);

  /// Pictures that go through Inception at once, always: what lacks is filled up, so that features do not depend on
  /// how a set is cut.
  int64_t batch() const { return device_.is_cuda() ? 64 : 16; }

  /// pictures uint8 (H, W, 3) of any sizes -> pictures of the set now. A failed call leaves the set as it was. Throws
  /// Error(kNotLoaded) without Inception, Error(kCancelled).
  int64_t add(const std::string& set, const std::vector<at::Tensor>& pictures);
  /// Throws Error(kInvalidArgument) naming the set for shapes that do not fit, other types than float64, and numbers
  /// that are not finite.
  void give(const std::string& set, GivenStatistics statistics);
  /// Throws Error(kInvalidArgument) for a set that nobody added to.
  const FeatureSet& set(const std::string& name) const;

  // One metric each; throws Error(kInvalidArgument) naming the set that lacks something.
  double frechet(const SetComparison& comparison) const;
  double spatial_frechet(const SetComparison& comparison) const;
  MeanStd kernel(const SetComparison& comparison) const;
  MeanStd score(const SetComparison& comparison) const;
  PrecisionRecall neighbours(const SetComparison& comparison) const;

  /// a, b uint8 (H, W, 3) of one size; `metric` is psnr, ssim, ssim-reflect, ms-ssim, ms-ssim-reflect or lpips. Throws
  /// Error(kInvalidArgument) for sizes that differ or are too small, Error(kNotLoaded) for lpips without its weights,
  /// Error(kInternal) for another metric.
  double distance(const std::string& metric, const at::Tensor& a, const at::Tensor& b) const;

  const Networks& networks() const { return networks_; }

 private:
  InceptionFeatures features(const std::vector<at::Tensor>& pictures) const;
  FeatureSet& set_to_fill(const std::string& name);
  const FeatureSet& reference(const SetComparison& comparison) const;

  Networks networks_;
  KeptFeatures kept_;
  SpillOptions spill_;
  at::Device device_;
  std::map<std::string, FeatureSet> sets_;
};

}  // namespace svg
