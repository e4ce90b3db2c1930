// For builds without CUDA or without NCCL's header.
#include "core/error.h"
#include "distributed/backends.h"

namespace svg {

std::unique_ptr<CollectiveBackend> open_nccl(const c10::intrusive_ptr<c10d::Store>&, const BackendOptions&) {
  throw Error(
      ErrorCode::kDeviceUnavailable, "this build has no NCCL",
      "`svg-t2i install --cuda cu130 --force` fetches a libtorch with the headers that NCCL needs. Into another one's "
      "include folder put nccl.h of its own NCCL, and the headers of cuBLAS, cuSOLVER and cuSPARSE. Then run "
      "`svg-t2i build --cuda on --force`. Or train in one process.");
}

}  // namespace svg
