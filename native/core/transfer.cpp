#include "core/transfer.h"

namespace svg {

at::Tensor sent_to(const at::Tensor& host, at::Device device) {
  if (!host.defined() || host.device() == device) return host;
  if (!host.is_cpu() || !device.is_cuda() || host.numel() == 0) return host.to(device);
  return host.pin_memory().to(device, /*non_blocking=*/true);
}

}  // namespace svg
