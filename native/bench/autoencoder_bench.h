// Encoder and decoder, beside the plain path on the same weights.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "core/json.h"

namespace svg {

/// Rows whose name holds `only`, as `compare` gives them: "encoder-<px>-<dtype>", DINOv3 S/16+ on one image; plain in
/// the operations of the original.
Json bench_encoder(const std::string& only, int64_t repeats, at::Device device);

/// The same for "decoder-<px>-<dtype>", the published Autoencoder-P's decoder on one latent; plain in the original's
/// operations.
Json bench_decoder(const std::string& only, int64_t repeats, at::Device device);

}  // namespace svg
