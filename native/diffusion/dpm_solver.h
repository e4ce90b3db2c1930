// DPM-Solver++ on the flow's clock. Source: arXiv 2211.01095, algorithms 1 and 2; multistep order 3 from its appendix.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "diffusion/schedule.h"
#include "diffusion/velocity.h"

namespace svg {

struct DpmOptions {
  int64_t steps = 50;  // evaluations of the velocity
  int64_t order = 2;   // 1 to 3
  bool singlestep = false;
  TimeSpacing spacing = TimeSpacing::kTimeUniformFlow;
  double shift = 1;  // of kTimeUniformFlow
};

/// Model times of all evaluations, in order.
std::vector<double> dpm_model_times(const DpmOptions& options);

/// Integrates from noise (B, ...) fp32; returns the sample, fp32. The first and last steps are of lower order:
/// the first ones for want of a history, the last because the data prediction has no slope at time 0.
at::Tensor dpm_solve(const DpmOptions& options, const at::Tensor& noise, const VelocityFn& velocity,
                     const ProgressFn& on_step = {});

}  // namespace svg
