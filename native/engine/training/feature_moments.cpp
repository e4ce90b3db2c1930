#include "engine/training/feature_moments.h"

#include "core/error.h"
#include "io/torch_writer.h"

namespace svg {

void FeatureMoments::add(const at::Tensor& latent) {
  const at::Tensor x = latent.flatten(1).to(at::kCPU, at::kDouble);  // (C, h*w)
  SVG_CHECK(!mean_.defined() || mean_.size(0) == x.size(0), ErrorCode::kInvalidArgument, "latents of ", x.size(0),
            " channels after such of ", mean_.size(0));
  const at::Tensor mean = x.mean(1);
  const at::Tensor squares = (x - mean.unsqueeze(1)).square().sum(1);
  const int64_t positions = x.size(1);
  ++images_;
  if (!mean_.defined()) {
    mean_ = mean;
    squares_ = squares;
    positions_ = positions;
    return;
  }
  // Two sets' moments joined. Source: Chan, Golub, LeVeque, "Updating formulae", 1979.
  const auto a = static_cast<double>(positions_);
  const auto b = static_cast<double>(positions);
  const at::Tensor difference = mean - mean_;
  squares_ = squares_ + squares + difference.square() * (a * b / (a + b));
  mean_ = mean_ + difference * (b / (a + b));
  positions_ += positions;
}

int64_t FeatureMoments::save(const std::string& path) const {
  SVG_CHECK(positions_ > 1, ErrorCode::kInvalidArgument, "statistics need at least two latent positions, not ",
            positions_);
  const at::Tensor std = (squares_ / static_cast<double>(positions_ - 1)).sqrt();
  write_torch_file(path, {{"mean", mean_.to(at::kFloat).unsqueeze(0)}, {"std", std.to(at::kFloat).unsqueeze(0)}});
  return mean_.size(0);
}

}  // namespace svg
