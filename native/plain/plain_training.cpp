#include "plain/plain_training.h"

#include <algorithm>

#include "core/error.h"
#include "models/decoders/conv_decoder.h"
#include "models/encoders/dinov3.h"
#include "models/encoders/picture.h"
#include "plain/plain_decoder.h"
#include "plain/plain_dit.h"
#include "plain/plain_encoder.h"

namespace svg {

at::Tensor plain_flow_matching_losses(const VelocityModel& trained, const DitBatch& batch) {
  const auto* next_dit = dynamic_cast<const NextDit*>(&trained);
  SVG_CHECK(next_dit, ErrorCode::kInvalidConfig, "the plain path knows the NextDiT alone");
  const NextDit& model = *next_dit;
  const auto count = static_cast<int64_t>(batch.data.size());
  int64_t longest = 0;
  for (const at::Tensor& caption : batch.conditions) longest = std::max(longest, caption.size(0));
  const at::Tensor features = at::zeros({count, longest, model.config.caption_dim}, at::device(model.device()));
  const at::Tensor mask = at::zeros({count, longest}, at::kBool);
  for (int64_t i = 0; i < count; ++i) {
    const at::Tensor& caption = batch.conditions[static_cast<size_t>(i)];
    features[i].narrow(0, 0, caption.size(0)).copy_(caption);
    mask[i].narrow(0, 0, caption.size(0)).fill_(true);
  }
  const at::Tensor data = at::stack(batch.data);  // (B, C, H, W)
  const at::Tensor noise = at::stack(batch.noise);
  const at::Tensor t = batch.t.view({count, 1, 1, 1});
  const at::Tensor velocity = plain_dit_forward(model, t * data + (1 - t) * noise, batch.t, features, mask);
  return (velocity - (data - noise)).square().mean({1, 2, 3});
}

at::Tensor plain_reconstruct(const TrainableAutoencoder& model, const at::Tensor& images) {
  const auto* dinov3 = dynamic_cast<const Dinov3*>(model.model().encoder());
  const auto* conv = dynamic_cast<const ConvDecoder*>(&model.model().decoder());
  SVG_CHECK(dinov3 && conv && !model.config().residual, ErrorCode::kInvalidConfig,
            "the plain path knows DINOv3 and the convolutional decoder alone, and no residual branch");
  const Weights trained(model.trained());
  const Weights encoder = model.frozen_encoder() ? Weights(model.frozen_encoder()) : trained.scope("encoder");
  std::vector<at::Tensor> latents;
  for (const at::Tensor& image : imagenet_normalised(images).split(1)) {
    latents.push_back(plain_encode(encoder, dinov3->config(), image));  // (1, h*w, C)
  }
  const int64_t rows = images.size(2) / dinov3->config().patch_size;
  const at::Tensor latent = at::cat(latents).transpose(1, 2).unflatten(2, {rows, -1});
  return plain_decode(trained.scope("decoder"), conv->config(), latent.contiguous());
}

}  // namespace svg
