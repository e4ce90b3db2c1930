// Golden cases of the transport and of the solvers.
#pragma once

#include "golden/case.h"

namespace svg {

/// "solver": a sample along an analytic velocity.
void run_solver(GoldenCase& golden);

/// "transport": points and velocities of the paths, time shifts.
void run_transport(GoldenCase& golden);

}  // namespace svg
