#include "metrics/feature_rows.h"

#include "core/error.h"

namespace svg {

at::Tensor checked_rows(const at::Tensor& rows, int64_t dimensions) {
  SVG_CHECK(rows.dim() == 2 && rows.size(1) == dimensions, ErrorCode::kInvalidArgument, "[metrics] rows of ",
            dimensions, " features are wanted, not a tensor ", rows.sizes());
  const at::Tensor checked = rows.detach().to(at::kCPU, at::kFloat).contiguous();
  SVG_CHECK(checked.isfinite().all().item<bool>(), ErrorCode::kNumeric,
            "[metrics] features that are not finite numbers");
  return checked;
}

}  // namespace svg
