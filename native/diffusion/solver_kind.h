// What a solver is to those who choose one: a row of the table in diffusion/sampler.h.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

#include "diffusion/schedule.h"
#include "diffusion/solver_run.h"

namespace svg {

/// Of adaptive methods.
struct Tolerance {
  double absolute = 1e-6;
  double relative = 1e-3;
};

/// What can be set of a solver; each takes those of its fields.
struct SolverSettings {
  int64_t steps =
      50;             // dpm++: evaluations of the velocity; fixed grids: points, of which there are one more than steps
  double shift = 1;   // of the times towards noise
  int64_t order = 2;  // 1 to 3
  bool singlestep = false;
  TimeSpacing spacing = TimeSpacing::kTimeUniformFlow;
  Tolerance tolerance;
  double end = 1;    // of fixed grids: the last time before the shift moves it, at most 1
  double start = 0;  // model time in [0, 1) at which the state is given; as many steps cover what is left
};

/// Solvers of one family share what they take and how their steps are chosen.
enum class SolverFamily {
  kDpm,       // steps on the noise clock, with a history
  kFixed,     // a grid of model times
  kAdaptive,  // steps by an error estimate
};

/// "dpm", "fixed" or "adaptive".
const char* solver_family_name(SolverFamily family);

struct SolverKind {
  std::string name;
  std::string title;                 // for people
  std::vector<std::string> aliases;  // accepted, not shown
  SolverFamily family = SolverFamily::kFixed;
  std::vector<std::string> fields;  // names of the settings that it takes, as a request has them
  double usual_shift = 1;           // of the published sampling scripts; 1 where it takes none
  int64_t least_steps = 1;
  int64_t stages = 1;  // evaluations of a step (dpm++: multistep); 0 where an error estimate chooses them

  /// Model times of all evaluations in order; empty where the solver chooses them on the way.
  std::function<std::vector<double>(const SolverSettings&)> model_times = nullptr;
  /// A run that carries the state (B, ...) at settings.start to t = 1, in fp32. It has not begun.
  std::function<SolverRun(const SolverSettings&, const at::Tensor& state, const StepFn&)> run = nullptr;
};

}  // namespace svg
