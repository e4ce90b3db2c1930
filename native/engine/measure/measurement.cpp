#include "engine/measure/measurement.h"

#include <algorithm>

#include "core/cancel.h"
#include "core/error.h"
#include "core/exact_convolutions.h"
#include "engine/pixels.h"
#include "metrics/frechet.h"
#include "metrics/picture_pairs.h"

namespace svg {
namespace {

using PictureDistance = double (*)(const at::Tensor& a, const at::Tensor& b);

const std::map<std::string, PictureDistance> kPictureDistances = {{"ms-ssim", ms_ssim},
                                                                  {"ms-ssim-reflect", ms_ssim_reflect},
                                                                  {"psnr", psnr},
                                                                  {"ssim", ssim},
                                                                  {"ssim-reflect", ssim_reflect}};

void check_statistics(const std::string& set, const char* which, const Statistics& statistics) {
  const auto check = [&](const char* name, const at::Tensor& values) {
    SVG_CHECK(values.scalar_type() == at::kDouble, ErrorCode::kInvalidArgument, "set \"", set, "\": ", name, which,
              " is ", values.scalar_type(), ", not float64");
    SVG_CHECK(values.isfinite().all().item<bool>(), ErrorCode::kInvalidArgument, "set \"", set, "\": ", name, which,
              " holds NaN or infinity");
  };
  check("mu", statistics.mu);
  check("sigma", statistics.sigma);
  const auto& mu = statistics.mu;
  const auto& sigma = statistics.sigma;
  SVG_CHECK(
      mu.dim() == 1 && mu.numel() > 0 && sigma.dim() == 2 && sigma.size(0) == mu.size(0) && sigma.size(1) == mu.size(0),
      ErrorCode::kInvalidArgument, "set \"", set, "\": mu", which, " has shape ", mu.sizes(), ", sigma", which, " ",
      sigma.sizes(), ": they are not of the same features");
}

/// What an error says, with the names of the sets before it.
template <typename Body>
auto of_sets(const std::string& set, const std::optional<std::string>& reference, Body body) {
  try {
    return body();
  } catch (const Error& error) {
    const std::string what = error.what();
    if (what.find("set \"") != std::string::npos) throw;
    const std::string sets =
        reference ? concat("sets \"", set, "\" and \"", *reference, "\": ") : concat("set \"", set, "\": ");
    throw Error(error.code(), sets + what, error.hint());
  }
}

}  // namespace

Measurement::Measurement(Networks networks, const std::vector<std::string>& metrics, const SpillOptions& spill,
                         at::Device device)
    : networks_(std::move(networks)), kept_(KeptFeatures::of_metrics(metrics)), spill_(spill), device_(device) {}

InceptionFeatures Measurement::features(const std::vector<at::Tensor>& pictures) const {
  if (!networks_.inception) {
    throw Error(ErrorCode::kNotLoaded, "this needs FID's Inception v3, which was not loaded");
  }
  const ExactConvolutions exact(device_);
  const auto count = static_cast<int64_t>(pictures.size());
  std::vector<at::Tensor> pool, logits, spatial;
  for (int64_t begin = 0; begin < count; begin += batch()) {
    check_cancelled();
    const int64_t own = std::min(batch(), count - begin);
    std::vector<at::Tensor> chunk(pictures.begin() + begin, pictures.begin() + begin + own);
    at::Tensor input = inception_input(chunk);
    if (own < batch()) {
      const at::Tensor whole =
          at::empty({batch(), 3, Inception::kSide, Inception::kSide}, input.options(), at::MemoryFormat::ChannelsLast)
              .zero_();
      whole.slice(0, 0, own).copy_(input);
      input = whole;
    }
    const InceptionFeatures found = networks_.inception->network(input.to(device_));
    pool.push_back(found.pool.slice(0, 0, own).to(at::kCPU));
    if (kept_.logits) logits.push_back(found.logits.slice(0, 0, own).to(at::kCPU));
    if (kept_.spatial_moments) spatial.push_back(found.spatial.slice(0, 0, own).to(at::kCPU));
  }
  const auto joined = [](const std::vector<at::Tensor>& parts) {
    return parts.empty() ? at::empty({0}, at::kFloat) : at::cat(parts);
  };
  return {joined(pool), joined(logits), joined(spatial)};
}

FeatureSet& Measurement::set_to_fill(const std::string& name) {
  return sets_.try_emplace(name, name, kept_, spill_).first->second;
}

int64_t Measurement::add(const std::string& set, const std::vector<at::Tensor>& pictures) {
  const auto known = sets_.find(set);
  SVG_CHECK(known == sets_.end() || !known->second.given(), ErrorCode::kInvalidArgument, "set \"", set,
            "\" was given as statistics: pictures cannot be added to it");
  const InceptionFeatures found = features(pictures);
  FeatureSet& filled = set_to_fill(set);
  filled.add(found);
  return filled.count();
}

void Measurement::give(const std::string& set, GivenStatistics statistics) {
  check_statistics(set, "", statistics.pool);
  if (statistics.spatial) check_statistics(set, "_s", *statistics.spatial);
  FeatureSet& filled = set_to_fill(set);
  SVG_CHECK(filled.count() == 0, ErrorCode::kInvalidArgument, "set \"", set,
            "\" holds pictures: statistics cannot stand for it");
  filled.give(std::move(statistics));
}

const FeatureSet& Measurement::set(const std::string& name) const {
  const auto found = sets_.find(name);
  SVG_CHECK(found != sets_.end(), ErrorCode::kInvalidArgument, "set \"", name, "\" holds no pictures");
  return found->second;
}

const FeatureSet& Measurement::reference(const SetComparison& comparison) const {
  SVG_CHECK(comparison.reference, ErrorCode::kInternal, "a distance was asked for without a reference");
  return set(*comparison.reference);
}

double Measurement::frechet(const SetComparison& comparison) const {
  return of_sets(comparison.set, comparison.reference, [&] {
    return frechet_distance(set(comparison.set).pool_statistics(), reference(comparison).pool_statistics());
  });
}

double Measurement::spatial_frechet(const SetComparison& comparison) const {
  return of_sets(comparison.set, comparison.reference, [&] {
    return frechet_distance(set(comparison.set).spatial_statistics(), reference(comparison).spatial_statistics());
  });
}

MeanStd Measurement::kernel(const SetComparison& comparison) const {
  return of_sets(comparison.set, comparison.reference, [&] {
    return kernel_distance(set(comparison.set).rows("kid"), reference(comparison).rows("kid"), comparison.kernel);
  });
}

MeanStd Measurement::score(const SetComparison& comparison) const {
  return of_sets(comparison.set, std::nullopt,
                 [&] { return inception_score(set(comparison.set).logits("is"), comparison.inception_score); });
}

PrecisionRecall Measurement::neighbours(const SetComparison& comparison) const {
  return of_sets(comparison.set, comparison.reference, [&] {
    return precision_recall(set(comparison.set).rows("pr"), reference(comparison).rows("pr"), comparison.neighbours);
  });
}

double Measurement::distance(const std::string& metric, const at::Tensor& a, const at::Tensor& b) const {
  SVG_CHECK(a.sizes() == b.sizes(), ErrorCode::kInvalidArgument, "pictures of unlike sizes: ", a.sizes(), " and ",
            b.sizes());
  const auto found = kPictureDistances.find(metric);
  if (found != kPictureDistances.end()) return found->second(a, b);
  SVG_CHECK(metric == "lpips", ErrorCode::kInternal, "unknown metric \"", metric, "\" of pairs");
  if (!networks_.lpips) throw Error(ErrorCode::kNotLoaded, "this needs the LPIPS metric, which was not loaded");
  const ExactConvolutions exact(device_);
  const auto prepared = [&](const at::Tensor& picture, const char* name) {
    return from_pixels(picture, name).to(device_).unsqueeze(0);
  };
  return (*networks_.lpips)(prepared(a, "a"), prepared(b, "b")).item<double>();
}

}  // namespace svg
