// For builds without CUDA or without NCCL's header.
#include "core/error.h"
#include "distributed/backends.h"

namespace svg {

std::unique_ptr<CollectiveBackend> open_nccl(const c10::intrusive_ptr<c10d::Store>&, const BackendOptions&) {
  throw Error(ErrorCode::kDeviceUnavailable, "this build has no NCCL",
              "Put nccl.h of the NCCL that libtorch was built with (include/ of its nvidia-nccl wheel) into libtorch's "
              "include folder and run `svg-t2i build --cuda on --force`, or train in one process.");
}

}  // namespace svg
