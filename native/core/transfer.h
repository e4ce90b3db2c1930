// Tensors on their way to a device, without waiting for it.
#pragma once

#include <ATen/ATen.h>

namespace svg {

/// `host`, a tensor of the CPU, on `device`: the very tensor for the CPU; for a GPU a copy through pinned memory that
/// the stream makes in its turn, where a plain copy would first wait for all that the stream was given before.
at::Tensor sent_to(const at::Tensor& host, at::Device device);

}  // namespace svg
