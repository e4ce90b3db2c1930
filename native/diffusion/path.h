// Paths from noise (t = 0) to data (t = 1): x_t = alpha(t) data + sigma(t) noise. Source: arXiv 2401.08740, section 2.
#pragma once

#include <ATen/ATen.h>

#include <string>

namespace svg {

enum class PathKind {
  kLinear,  // alpha = t, sigma = 1 - t
  kGvp,     // alpha = sin(pi t / 2), sigma = cos(pi t / 2)
  kVp,      // variance preserving, log alpha quadratic in 1 - t
};

/// "linear", "gvp" or "vp", upper or lower case. Throws Error(kInvalidArgument).
PathKind parse_path(const std::string& name);

/// Coefficients and their derivatives by t, each of the shape of t. At t = 1 the VP path's d_sigma is not finite.
struct PathCoefficients {
  at::Tensor alpha, sigma, d_alpha, d_sigma;
};
PathCoefficients path_coefficients(PathKind kind, const at::Tensor& t);

struct PathPoint {
  at::Tensor x;         // x_t
  at::Tensor velocity;  // dx_t / dt
};

/// t (B) or a scalar; noise and data (B, ...) of one shape.
PathPoint path_point(PathKind kind, const at::Tensor& t, const at::Tensor& noise, const at::Tensor& data);

}  // namespace svg
