// The conv decoder as the original computes it: one operation after the other, in the layout of the latent.
#pragma once

#include <ATen/ATen.h>

#include "core/weights.h"
#include "models/decoders/conv_decoder.h"

namespace svg {

/// latent (1, z_channels, h, w) -> image (1, 3, 16h, 16w) fp32, on the weights of a ConvDecoder.
at::Tensor plain_decode(const Weights& weights, const ConvDecoderConfig& config, const at::Tensor& latent);

}  // namespace svg
