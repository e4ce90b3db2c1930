// Collectives on CPUs. The only file that sees ProcessGroupGloo.hpp: USE_C10D_GLOO and gloo_shims/ are set for it
// alone.
#include <cstdlib>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "distributed/backends.h"
#include "distributed/socket.h"

namespace svg {
namespace {

constexpr std::chrono::milliseconds kAtOnce{1};
constexpr int kAbortTag = 1;

class GlooBackend : public CollectiveBackend {
 public:
  explicit GlooBackend(c10::intrusive_ptr<c10d::ProcessGroupGloo> group) : group_(std::move(group)) {}

  c10d::Backend& c10d() override { return *group_; }

  /// Gloo cannot be told to stop, but one operation that times out takes all others of its context with it. So
  /// something is asked for that nobody sends.
  void abort() override {
    for (int rank = 0; rank < group_->getSize(); ++rank) {
      if (rank != group_->getRank()) ask_in_vain(rank);
    }
  }

 private:
  void ask_in_vain(int rank) {
    std::vector<at::Tensor> nothing = {at::zeros({1})};
    try {
      group_->recv(nothing, rank, kAbortTag)->wait(kAtOnce);
    } catch (const std::exception&) {
      return;  // timed out as intended, or the connection to this rank was closed before
    }
  }

  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
};

std::shared_ptr<gloo::transport::Device> network_device(const BackendOptions& options) {
  // The variable that torch reads too.
  if (const char* interface = std::getenv("GLOO_SOCKET_IFNAME")) {
    return c10d::ProcessGroupGloo::createDeviceForInterface(interface);
  }
  // Not by this machine's name, as torch would: in many an /etc/hosts it stands for the loopback address.
  const bool alone = is_loopback(options.host);
  return c10d::ProcessGroupGloo::createDeviceForHostname(alone ? "127.0.0.1" : own_address(options.host, options.port));
}

}  // namespace

std::unique_ptr<CollectiveBackend> open_gloo(const c10::intrusive_ptr<c10d::Store>& store,
                                             const BackendOptions& options) {
  auto gloo = c10d::ProcessGroupGloo::Options::create(options.timeout);
  gloo->devices.push_back(network_device(options));
  return std::make_unique<GlooBackend>(
      c10::make_intrusive<c10d::ProcessGroupGloo>(store, options.rank, options.world, std::move(gloo)));
}

}  // namespace svg
