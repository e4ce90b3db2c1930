#include "metrics/picture_pairs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

#include "core/error.h"
#include "metrics/similarity_windows.h"

namespace svg {
namespace {

constexpr int kScales = 5;
constexpr std::array<double, kScales> kScaleWeights = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};

void check_pair(const char* metric, const at::Tensor& a, const at::Tensor& b, int64_t smallest_side) {
  for (const at::Tensor* picture : {&a, &b}) {
    SVG_CHECK(picture->dim() == 3 && picture->size(2) == 3 && picture->scalar_type() == at::kByte &&
                  picture->device().is_cpu(),
              ErrorCode::kInvalidArgument, "[metrics] ", metric, " takes 8-bit pictures (H, W, 3), not ",
              picture->sizes());
  }
  SVG_CHECK(a.sizes() == b.sizes(), ErrorCode::kInvalidArgument, metric, " of pictures of ", a.size(1), " x ",
            a.size(0), " and ", b.size(1), " x ", b.size(0), ": they must have one size");
  SVG_CHECK(std::min(a.size(0), a.size(1)) >= smallest_side, ErrorCode::kInvalidArgument, metric,
            " needs pictures with sides of ", smallest_side, " or more, not ", a.size(1), " x ", a.size(0));
}

double mean_of(const std::array<double, 3>& channels) {
  return std::accumulate(channels.begin(), channels.end(), 0.0) / static_cast<double>(channels.size());
}

/// Continued on all sides by half a window, mirrored at the outermost pixels, which are not repeated.
at::Tensor reflected(const at::Tensor& picture) {
  constexpr int64_t margin = kSimilarityWindow / 2;
  at::Tensor out = picture;
  for (const int64_t dim : {0, 1}) {
    const int64_t n = picture.size(dim);
    std::vector<int64_t> sources;
    for (int64_t i = -margin; i < n + margin; ++i) sources.push_back(i < 0 ? -i : (i >= n ? 2 * (n - 1) - i : i));
    out = out.index_select(dim, at::tensor(sources, at::kLong));
  }
  return out;
}

enum class OddSide {
  kZerosBefore,  // a row or column of zeros completes it, and counts
  kDropped,      // its last row or column is left out
};

/// Means of 2 x 2 pixels of an fp64 picture (H, W, 3).
at::Tensor halved(const at::Tensor& picture, OddSide odd) {
  at::Tensor x = picture;
  for (const int64_t dim : {0, 1}) {
    const int64_t n = x.size(dim);
    if (n % 2 == 0) continue;
    if (odd == OddSide::kDropped) {
      x = x.narrow(dim, 0, n - 1);
    } else {
      std::vector<int64_t> shape = x.sizes().vec();
      shape[static_cast<size_t>(dim)] = 1;
      x = at::cat({at::zeros(shape, x.options()), x}, dim);
    }
  }
  const at::Tensor rows = x.slice(0, 0, std::nullopt, 2) + x.slice(0, 1, std::nullopt, 2);
  return (rows.slice(1, 0, std::nullopt, 2) + rows.slice(1, 1, std::nullopt, 2)).mul_(0.25);
}

double weighted(double mean, int scale) {
  return std::pow(std::max(mean, 0.0), kScaleWeights[static_cast<size_t>(scale)]);
}

/// Calls `use(scale, a, b)` with the pictures of each scale, the largest first.
template <typename Use>
void for_each_scale(const at::Tensor& a, const at::Tensor& b, OddSide odd, const Use& use) {
  at::Tensor left = a, right = b;
  for (int scale = 0; scale < kScales; ++scale) {
    if (scale > 0) {
      left = halved(left.to(at::kDouble), odd);
      right = halved(right.to(at::kDouble), odd);
    }
    use(scale, left, right);
  }
}

}  // namespace

double psnr(const at::Tensor& a, const at::Tensor& b) {
  check_pair("PSNR", a, b, 1);
  const at::Tensor left = a.contiguous(), right = b.contiguous();
  const uint8_t *x = left.const_data_ptr<uint8_t>(), *y = right.const_data_ptr<uint8_t>();
  int64_t squares = 0;
  for (int64_t i = 0; i < left.numel(); ++i) {
    const int32_t difference = int32_t{x[i]} - int32_t{y[i]};
    squares += difference * difference;
  }
  if (squares == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(left.numel()) / static_cast<double>(squares));
}

double ssim(const at::Tensor& a, const at::Tensor& b) {
  check_pair("SSIM", a, b, kSimilarityWindow);
  return mean_of(similarity_means(a, b).ssim);
}

double ssim_reflect(const at::Tensor& a, const at::Tensor& b) {
  check_pair("SSIM", a, b, kSimilarityWindow);
  return mean_of(similarity_means(reflected(a), reflected(b)).ssim);
}

double ms_ssim(const at::Tensor& a, const at::Tensor& b) {
  check_pair("MS-SSIM", a, b, (kSimilarityWindow - 1) * 16 + 1);
  std::array<double, 3> products = {1, 1, 1};
  for_each_scale(a, b, OddSide::kZerosBefore, [&](int scale, const at::Tensor& left, const at::Tensor& right) {
    const SimilarityMeans means = similarity_means(left, right);
    const auto& channels = scale + 1 < kScales ? means.contrast : means.ssim;
    for (size_t i = 0; i < products.size(); ++i) products[i] *= weighted(channels[i], scale);
  });
  return mean_of(products);
}

double ms_ssim_reflect(const at::Tensor& a, const at::Tensor& b) {
  check_pair("MS-SSIM", a, b, kSimilarityWindow * 16);
  double product = 1;
  for_each_scale(a, b, OddSide::kDropped, [&](int scale, const at::Tensor& left, const at::Tensor& right) {
    const bool last = scale + 1 == kScales;
    product *= weighted(last ? mean_of(similarity_means(reflected(left), reflected(right)).ssim)
                             : mean_of(similarity_means(left, right).contrast),
                        scale);
  });
  return product;
}

}  // namespace svg
