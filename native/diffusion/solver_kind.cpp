#include "diffusion/solver_kind.h"

#include "core/error.h"

namespace svg {

void SolverState::replace(const at::Tensor& x, History history) {
  SVG_CHECK(x.sizes() == x_.sizes(), ErrorCode::kInvalidArgument, "a state of shape ", x.sizes(),
            " cannot replace one ", x_.sizes());
  x_ = x.to(x_.device(), at::kFloat);
  replaced_ = true;
  forgets_ = forgets_ || history == History::kForget;
}

const char* solver_family_name(SolverFamily family) {
  switch (family) {
    case SolverFamily::kDpm: return "dpm";
    case SolverFamily::kFixed: return "fixed";
    case SolverFamily::kAdaptive: return "adaptive";
  }
  return "";
}

}  // namespace svg
