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

/// Integrates the state (B, ...), in fp32. The first and last steps are of lower order: the first ones, and those after
/// a state that forgets (SolverState), for want of a history, the last because the data prediction has no slope at time
/// 0.
SolverRun dpm_run(SolverSettings settings, at::Tensor state, StepFn on_step = {});

}  // namespace svg
