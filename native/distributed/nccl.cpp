// Collectives on GPUs. The only file that sees ProcessGroupNCCL.hpp, and so nccl.h; USE_C10D_NCCL is set for it alone.
#include <cstdlib>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include "core/error.h"
#include "distributed/backends.h"

namespace svg {
namespace {

class NcclBackend : public CollectiveBackend {
 public:
  explicit NcclBackend(c10::intrusive_ptr<c10d::ProcessGroupNCCL> group) : group_(std::move(group)) {}

  c10d::Backend& c10d() override { return *group_; }
  void abort() override { group_->abort(); }

 private:
  c10::intrusive_ptr<c10d::ProcessGroupNCCL> group_;
};

/// torch's watchdogs end the process where a rank is late; RankMonitor ends the run with an error instead.
void keep_process_alive() {
  const int keep_what_is_set = 0;
  ::setenv("TORCH_NCCL_ASYNC_ERROR_HANDLING", "0", keep_what_is_set);
  ::setenv("TORCH_NCCL_ENABLE_MONITORING", "0", keep_what_is_set);
}

/// ProcessGroupNCCL::Options holds a structure of nccl.h, whose size differs from version to version.
void check_version() {
  const auto [major, minor, patch] = c10d::getNcclVersionTuple();
  if (major == NCCL_MAJOR && minor == NCCL_MINOR && patch == NCCL_PATCH) return;
  throw Error(ErrorCode::kDeviceUnavailable,
              concat("this build was compiled with nccl.h ", NCCL_MAJOR, ".", NCCL_MINOR, ".", NCCL_PATCH,
                     ", but libtorch has NCCL ", major, ".", minor, ".", patch),
              "Put nccl.h of libtorch's version into its include folder and run `svg-t2i build --force`.");
}

}  // namespace

std::unique_ptr<CollectiveBackend> open_nccl(const c10::intrusive_ptr<c10d::Store>& store,
                                             const BackendOptions& options) {
  check_version();
  keep_process_alive();
  auto nccl = c10d::ProcessGroupNCCL::Options::create();
  nccl->timeout = options.timeout;
  return std::make_unique<NcclBackend>(
      c10::make_intrusive<c10d::ProcessGroupNCCL>(store, options.rank, options.world, std::move(nccl)));
}

}  // namespace svg
