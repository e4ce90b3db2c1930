#include "models/lpips.h"

#include "core/error.h"

namespace svg {
namespace {

constexpr double kUnitEps = 1e-10;

struct Slice {
  int64_t channels;
  std::vector<int> layers;  // positions of the convolutions in torchvision's vgg16.features
};

const std::array<Slice, 5> kVgg16 = {{
    {64, {0, 2}},
    {128, {5, 7}},
    {256, {10, 12, 14}},
    {512, {17, 19, 21}},
    {512, {24, 26, 28}},
}};

at::Tensor per_channel(std::initializer_list<double> values, const at::Tensor& like) {
  return at::tensor(at::ArrayRef<double>(values), like.options().requires_grad(false)).view({1, 3, 1, 1});
}

at::Tensor unit_over_channels(const at::Tensor& x) {
  return x / (x.square().sum(1, /*keepdim=*/true).sqrt() + kUnitEps);
}

}  // namespace

Lpips::Lpips(const Weights& net, const Weights& lin) {
  const bool torchvision = net.has("features.0.weight");
  int64_t in = 3;
  for (size_t i = 0; i < kVgg16.size(); ++i) {
    const int64_t out = kVgg16[i].channels;
    for (const int layer : kVgg16[i].layers) {
      const Weights from = net.scope(torchvision ? concat("features.", layer) : concat("net.slice", i + 1, ".", layer));
      slices_[i].push_back({from.get("weight", {out, in, 3, 3}, Init::kaiming_uniform(), Role::kBuffer),
                            from.get("bias", {out}, Init::zeros(), Role::kBuffer)});
      in = out;
    }
    lin_[i] = lin.get(concat("lin", i, ".model.1.weight"), {1, out, 1, 1}, Init::ones(), Role::kBuffer);
  }
}

bool Lpips::is_spare(const std::string& name) {
  for (const char* prefix : {"classifier.", "scaling_layer.", "lins."}) {
    if (name.rfind(prefix, 0) == 0) return true;
  }
  return false;
}

at::Tensor Lpips::operator()(const at::Tensor& a, const at::Tensor& b) const {
  SVG_CHECK(a.sizes() == b.sizes() && a.dim() == 4 && a.size(1) == 3, ErrorCode::kInvalidArgument,
            "[lpips] images must both be (batch, 3, height, width), not ", a.sizes(), " and ", b.sizes());
  SVG_CHECK(a.size(2) >= 16 && a.size(3) >= 16, ErrorCode::kInvalidArgument, "[lpips] an image of ", a.size(3), "x",
            a.size(2), " is too small: 16x16 at least");
  const Features of_a = features(a), of_b = features(b);
  at::Tensor distance;
  for (size_t i = 0; i < slices_.size(); ++i) {
    const at::Tensor difference = (unit_over_channels(of_a[i]) - unit_over_channels(of_b[i])).square();
    const at::Tensor weighted = at::conv2d(difference, lin_[i]).mean({2, 3}).squeeze(1);  // (B)
    distance = distance.defined() ? distance + weighted : weighted;
  }
  return distance;
}

Lpips::Features Lpips::features(const at::Tensor& image) const {
  // The colours' shift and scale are constants of LPIPS.
  at::Tensor x = image.to(at::kFloat);
  x = (x - per_channel({-0.030, -0.088, -0.188}, x)) / per_channel({0.458, 0.448, 0.450}, x);
  Features features;
  for (size_t i = 0; i < slices_.size(); ++i) {
    if (i > 0) x = at::max_pool2d(x, {2, 2}, {2, 2});
    for (const Layer& layer : slices_[i]) x = at::relu(at::conv2d(x, layer.weight, layer.bias, {1, 1}, {1, 1}));
    features[i] = x;
  }
  return features;
}

}  // namespace svg
