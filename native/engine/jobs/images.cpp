// Pictures to latents and back. Latents are the encoder's features as they are, not normalised.
#include "engine/jobs.h"
#include "engine/numbered.h"
#include "engine/pixels.h"
#include "engine/state.h"

namespace svg::jobs {

/// Tensors image.N uint8 (H, W, 3) -> latent.N (C, H / cell, W / cell) fp32.
JobResult encode(EngineState& state, const Request&, const TensorMap& tensors, const EventSink&) {
  const Autoencoder& autoencoder = require(state.autoencoder, "autoencoder");
  JobResult result{Json::object(), {}};
  for_each_numbered(tensors, "image", [&](int64_t i, const std::string& name, const at::Tensor& pixels) {
    const at::Tensor image = from_pixels(pixels, name).to(state.device).unsqueeze(0);
    result.tensors[concat("latent.", i)] = autoencoder.encode(image).squeeze(0).to(at::kCPU);
  });
  return result;
}

/// Tensors latent.N (C, h, w) or (1, C, h, w) fp32 -> image.N uint8 (h * cell, w * cell, 3).
JobResult decode(EngineState& state, const Request&, const TensorMap& tensors, const EventSink&) {
  const Autoencoder& autoencoder = require(state.autoencoder, "autoencoder");
  const LatentGrid grid = autoencoder.grid();
  JobResult result{Json::object(), {}};
  for_each_numbered(tensors, "latent", [&](int64_t i, const std::string& name, const at::Tensor& latent) {
    const at::Tensor batch = latent.dim() == 3 ? latent.unsqueeze(0) : latent;
    SVG_CHECK(batch.dim() == 4 && batch.size(0) == 1 && batch.size(1) == grid.channels && batch.numel() > 0,
              ErrorCode::kInvalidArgument, "\"", name, "\" has shape ", latent.sizes(), ", the decoder takes (",
              grid.channels, ", height / ", grid.cell_pixels, ", width / ", grid.cell_pixels, ")");
    const at::Tensor image = autoencoder.decode(batch.to(state.device, at::kFloat)).squeeze(0);
    SVG_CHECK(image.isfinite().all().item<bool>(), ErrorCode::kNumeric, "\"", name, "\" decodes to NaN or infinity");
    result.tensors[concat("image.", i)] = to_pixels(image);
  });
  return result;
}

}  // namespace svg::jobs
