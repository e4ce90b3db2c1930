// For builds without CUDA or without NCCL's header.
#include "core/error.h"
#include "distributed/backends.h"

namespace svg {

std::unique_ptr<CollectiveBackend> open_nccl(const c10::intrusive_ptr<c10d::Store>&, const BackendOptions&) {
  throw Error(ErrorCode::kDeviceUnavailable, "this build has no NCCL",
              "Build with a CUDA libtorch where nccl.h is found (package nvidia-nccl), or use the gloo back end.");
}

}  // namespace svg
