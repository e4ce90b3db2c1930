// Golden cases of the transport, of the solvers and of the step cache.
#pragma once

#include "golden/case.h"

namespace svg {

/// "solver": a sample along an analytic velocity.
void run_solver(GoldenCase& golden);

/// "transport": points and velocities of the paths, time shifts.
void run_transport(GoldenCase& golden);

/// "step_cache": which steps a step cache computes, per branch.
void run_step_cache(GoldenCase& golden);

}  // namespace svg
