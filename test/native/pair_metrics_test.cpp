// Metrics of pairs of pictures, against the sums that define them.
#include <ATen/Parallel.h>

#include <cmath>
#include <utility>

#include "check.h"
#include "core/rng.h"
#include "golden.h"
#include "metrics/picture_pairs.h"

namespace svg::test {
namespace {

at::Tensor picture(int64_t seed, int64_t height, int64_t width) {
  return at::randint(256, {height, width, 3}, seeded_generator(seed), at::TensorOptions().dtype(at::kByte));
}

/// A picture that is like another one, so that its similarity is no rounding of 0.
at::Tensor disturbed(const at::Tensor& original, int64_t seed) {
  const at::Tensor noise = seeded_noise(seed, original.sizes()) * 12;
  return (original.to(at::kFloat) * 0.9 + noise).clamp(0, 255).round().to(at::kByte);
}

/// One channel, window by window, in the order of the formula.
double plain_ssim_of_channel(const at::Tensor& a, const at::Tensor& b) {
  double window[11], total = 0;
  for (int i = 0; i < 11; ++i) total += window[i] = std::exp(-(i - 5) * (i - 5) / 4.5);
  const double c1 = 2.55 * 2.55, c2 = 7.65 * 7.65;
  const auto x = a.accessor<uint8_t, 2>(), y = b.accessor<uint8_t, 2>();
  double sum = 0;
  int64_t windows = 0;
  for (int64_t top = 0; top + 11 <= a.size(0); ++top) {
    for (int64_t left = 0; left + 11 <= a.size(1); ++left, ++windows) {
      double mean_x = 0, mean_y = 0, squares_x = 0, squares_y = 0, products = 0;
      for (int i = 0; i < 11; ++i) {
        for (int j = 0; j < 11; ++j) {
          const double weight = window[i] * window[j] / (total * total);
          const double u = x[top + i][left + j], v = y[top + i][left + j];
          mean_x += weight * u, mean_y += weight * v;
          squares_x += weight * u * u, squares_y += weight * v * v, products += weight * u * v;
        }
      }
      const double of_x = squares_x - mean_x * mean_x, of_y = squares_y - mean_y * mean_y;
      sum += (2 * mean_x * mean_y + c1) * (2 * (products - mean_x * mean_y) + c2) /
             ((mean_x * mean_x + mean_y * mean_y + c1) * (of_x + of_y + c2));
    }
  }
  return sum / static_cast<double>(windows);
}

double plain_ssim(const at::Tensor& a, const at::Tensor& b) {
  double sum = 0;
  for (int64_t channel = 0; channel < 3; ++channel) {
    sum += plain_ssim_of_channel(a.select(2, channel), b.select(2, channel));
  }
  return sum / 3;
}

}  // namespace

TEST_CASE("metrics: golden cases of pairs") {
  for (const char* name : {"psnr", "ssim", "ms-ssim"}) expect_golden(name);
}

TEST_CASE("metrics: SSIM is the formula at each window, whatever the sides and the threads") {
  const int threads = at::get_num_threads();
  const std::pair<int64_t, int64_t> sides[] = {{11, 11}, {90, 17}, {12, 140}, {75, 64}};
  for (const auto& [height, width] : sides) {
    const at::Tensor a = picture(1, height, width), b = disturbed(a, 2);
    at::set_num_threads(1);
    const double alone = ssim(a, b);
    at::set_num_threads(threads);
    EXPECT_CLOSE(alone, plain_ssim(a, b), 1e-12);
    EXPECT(ssim(a, b) == alone);
    EXPECT_CLOSE(ssim(b, a), alone, 1e-13);
    // A turned picture has the same windows, turned; channels are averaged.
    EXPECT_CLOSE(ssim(a.transpose(0, 1), b.transpose(0, 1)), alone, 1e-12);
    EXPECT_CLOSE(ssim(a.flip(2), b.flip(2)), alone, 1e-13);
  }
}

TEST_CASE("metrics: reflection repeats no edge") {
  const at::Tensor a = picture(3, 14, 20), b = disturbed(a, 4);
  const auto padded = [](const at::Tensor& x) {
    const at::Tensor planes = x.permute({2, 0, 1}).unsqueeze(0).to(at::kDouble);
    return at::reflection_pad2d(planes, {5, 5, 5, 5})[0].permute({1, 2, 0}).to(at::kByte);
  };
  EXPECT_CLOSE(ssim_reflect(a, b), plain_ssim(padded(a), padded(b)), 1e-12);
}

TEST_CASE("metrics: equal pictures, and one level of difference") {
  const at::Tensor a = picture(5, 176, 180);
  EXPECT(std::isinf(psnr(a, a)) && psnr(a, a) > 0);
  for (const auto distance : {ssim, ssim_reflect, ms_ssim, ms_ssim_reflect}) EXPECT_CLOSE(distance(a, a), 1, 1e-13);
  at::Tensor b = a.clone();
  b[7][9][2] = b[7][9][2].item<int>() == 255 ? 254 : b[7][9][2].item<int>() + 1;
  EXPECT_CLOSE(psnr(a, b), 10 * std::log10(65025.0 * 176 * 180 * 3), 1e-9);
  for (const auto distance : {ssim, ssim_reflect, ms_ssim, ms_ssim_reflect}) EXPECT(distance(a, b) < 1);
}

TEST_CASE("metrics: pairs that have no distance are refused by their sizes") {
  const at::Tensor a = picture(6, 30, 40);
  for (const auto distance : {psnr, ssim, ssim_reflect, ms_ssim, ms_ssim_reflect}) {
    EXPECT_ERROR(distance(a, picture(6, 40, 30)), ErrorCode::kInvalidArgument, "40 x 30 and 30 x 40");
    EXPECT_ERROR(distance(a, a.to(at::kFloat)), ErrorCode::kInvalidArgument, "8-bit");
    EXPECT_ERROR(distance(a[0], a[0]), ErrorCode::kInvalidArgument, "8-bit");
  }
  EXPECT_ERROR(ssim(a.slice(0, 0, 10), a.slice(0, 0, 10)), ErrorCode::kInvalidArgument, "11 or more, not 40 x 10");
  EXPECT_ERROR(ms_ssim(a, a), ErrorCode::kInvalidArgument, "161 or more, not 40 x 30");
  EXPECT_ERROR(ms_ssim_reflect(a, a), ErrorCode::kInvalidArgument, "176 or more, not 40 x 30");
  EXPECT_ERROR(psnr(a.slice(0, 0, 0), a.slice(0, 0, 0)), ErrorCode::kInvalidArgument, "1 or more");
}

}  // namespace svg::test
