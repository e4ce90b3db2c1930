// A root of a covariance: what distances need of it, at the cost that its rank asks for.
#pragma once

#include <ATen/ATen.h>

namespace svg {

/// F (d, rank) with F F^T = sigma (d, d), fp64. What is nothing but rounding of sigma's largest numbers is left out:
/// its root would not be small. Throws Error(kInvalidArgument) for a sigma that is no covariance: not symmetric, or
/// with eigenvalues below 0.
at::Tensor covariance_factor(const at::Tensor& sigma);

/// Sum of the singular values of x (m, n), fp64.
double sum_of_singular_values(const at::Tensor& x);

}  // namespace svg
