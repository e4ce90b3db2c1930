// DPM-Solver++ on the flow's clock. Source: arXiv 2211.01095, algorithms 1 and 2; multistep order 3 from its appendix.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "diffusion/solver_kind.h"

namespace svg {

/// "dpm++".
SolverKind dpm_solver();

/// Model times of all evaluations, in order.
std::vector<double> dpm_model_times(const SolverSettings& settings);

}  // namespace svg
