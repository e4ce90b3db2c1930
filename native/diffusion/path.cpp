#include "diffusion/path.h"

#include <algorithm>
#include <cctype>
#include <numbers>

#include "core/error.h"

namespace svg {
namespace {

// beta(0) and beta(1) of the variance-preserving process. Source: arXiv 2011.13456, appendix C.
constexpr double kBetaMin = 0.1;
constexpr double kBetaMax = 20.0;

}  // namespace

PathKind parse_path(const std::string& name) {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (lower == "linear") return PathKind::kLinear;
  if (lower == "gvp") return PathKind::kGvp;
  if (lower == "vp") return PathKind::kVp;
  throw Error(ErrorCode::kInvalidArgument, "unknown path \"" + name + "\"", "known paths: linear, gvp, vp");
}

PathCoefficients path_coefficients(PathKind kind, const at::Tensor& t) {
  constexpr double half_pi = std::numbers::pi / 2;
  switch (kind) {
    case PathKind::kLinear: return {t, 1 - t, at::ones_like(t), -at::ones_like(t)};
    case PathKind::kGvp: {
      const at::Tensor sine = (t * half_pi).sin(), cosine = (t * half_pi).cos();
      return {sine, cosine, half_pi * cosine, -half_pi * sine};
    }
    case PathKind::kVp: {
      const at::Tensor s = 1 - t;
      const at::Tensor log_alpha = -0.25 * (kBetaMax - kBetaMin) * s.square() - 0.5 * kBetaMin * s;
      const at::Tensor d_log_alpha = 0.5 * (kBetaMax - kBetaMin) * s + 0.5 * kBetaMin;
      const at::Tensor alpha = log_alpha.exp();
      const at::Tensor sigma = (1 - (2 * log_alpha).exp()).sqrt();
      return {alpha, sigma, alpha * d_log_alpha, -alpha.square() * d_log_alpha / sigma};
    }
  }
  throw Error(ErrorCode::kInternal, "[path] unknown kind");
}

PathPoint path_point(PathKind kind, const at::Tensor& t, const at::Tensor& noise, const at::Tensor& data) {
  SVG_CHECK(noise.sizes() == data.sizes(), ErrorCode::kInvalidArgument, "[path] noise ", noise.sizes(), " and data ",
            data.sizes(), " must be of one shape");
  at::Tensor times = t;
  if (t.dim() == 1) {
    SVG_CHECK(data.dim() > 0 && t.size(0) == data.size(0), ErrorCode::kInvalidArgument, "[path] ", t.size(0),
              " times for a batch ", data.sizes());
    std::vector<int64_t> shape(data.dim(), 1);
    shape[0] = t.size(0);
    times = t.view(shape);
  }
  const PathCoefficients c = path_coefficients(kind, times);
  return {c.alpha * data + c.sigma * noise, c.d_alpha * data + c.d_sigma * noise};
}

}  // namespace svg
