// The gradients of the fused operations are those that autograd finds through the plain ones.
#include <torch/csrc/autograd/autograd.h>

#include <functional>

#include "check.h"
#include "kernels/cuda.h"
#include "ops/head_groups.h"
#include "ops/modulate.h"
#include "ops/rope.h"
#include "ops/swiglu.h"
#include "ops/verified.h"

namespace {

using Tensors = std::vector<at::Tensor>;
using Operation = std::function<Tensors(const Tensors&)>;

const std::vector<at::ScalarType> kTypes = {at::kFloat, at::kBFloat16};

/// |got - want| / |want|
double relative_error(const at::Tensor& got, const at::Tensor& want) {
  if (want.numel() == 0) return 0;
  const at::Tensor wide = want.to(at::kFloat);
  return ((got.to(at::kFloat) - wide).norm() / (wide.norm() + 1e-12)).item<double>();
}

/// Results and gradients of both for the same random gradients of the results. bf16 rounds each result once (2^-9).
void expect_same_gradients(const Tensors& inputs, const Operation& fused, const Operation& plain, double bound) {
  const Tensors got = fused(inputs);
  const Tensors want = plain(inputs);
  EXPECT(got.size() == want.size());
  Tensors slopes;
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT(got[i].scalar_type() == want[i].scalar_type());
    EXPECT_CLOSE(relative_error(got[i].detach(), want[i].detach()), 0, bound);
    slopes.push_back(at::randn_like(got[i]).detach());
  }
  const Tensors got_gradients = torch::autograd::grad(got, inputs, slopes);
  const Tensors want_gradients = torch::autograd::grad(want, inputs, slopes);
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT(got_gradients[i].scalar_type() == inputs[i].scalar_type());
    EXPECT(got_gradients[i].sizes() == inputs[i].sizes());
    EXPECT_CLOSE(relative_error(got_gradients[i], want_gradients[i]), 0, bound);
  }
}

double bound(at::ScalarType dtype) { return dtype == at::kFloat ? 1e-5 : 8e-3; }

at::Tensor leaf(at::Device device, at::IntArrayRef shape, at::ScalarType dtype = at::kFloat) {
  return at::randn(shape).to(device, dtype).requires_grad_();
}

std::vector<at::Device> devices() {
  if (at::hasCUDA() && svg::cuda::built_with_cuda()) return {at::kCPU, at::Device(at::kCUDA, 0)};
  std::printf("SKIPPED gradients on the GPU: %s\n", at::hasCUDA() ? "built without CUDA" : "no GPU");
  return {at::kCPU};
}

}  // namespace

TEST_CASE("fused gradients: norms with one weight row and with one per group") {
  for (const at::Device device : devices()) {
    for (const auto& [rows, dim] : std::vector<std::pair<int64_t, int64_t>>{{0, 8}, {1, 7}, {37, 50}, {64, 256}}) {
      for (const at::ScalarType from : kTypes) {
        for (const at::ScalarType to : kTypes) {
          for (const int64_t count : {1, 3}) {
            const at::Tensor group = count > 1 ? at::randint(count, {rows}, at::kInt).to(device) : at::Tensor();
            expect_same_gradients(
                {leaf(device, {rows, dim}, from), leaf(device, {count, dim})},
                [&](const Tensors& x) {
                  return Tensors{svg::scaled_rms_norm(x[0], {x[1], group}, 1e-5, to)};
                },
                [&](const Tensors& x) {
                  return Tensors{svg::scaled_rms_norm_reference(x[0], {x[1], group}, 1e-5, to)};
                },
                std::max(bound(from), bound(to)));
            expect_same_gradients(
                {leaf(device, {rows, dim}, from), leaf(device, {rows, dim}, to), leaf(device, {count, dim})},
                [&](const Tensors& x) {
                  return Tensors{svg::add_scaled_rms_norm(x[0], x[1], {x[2], group}, 1e-5)};
                },
                [&](const Tensors& x) {
                  return Tensors{svg::add_scaled_rms_norm_reference(x[0], x[1], {x[2], group}, 1e-5)};
                },
                std::max(bound(from), bound(to)));
          }
        }
      }
    }
  }
}

TEST_CASE("fused gradients: swiglu") {
  for (const at::Device device : devices()) {
    for (const std::vector<int64_t>& shape : std::vector<std::vector<int64_t>>{{0, 4}, {3, 5, 33}, {64, 256}}) {
      for (const at::ScalarType dtype : kTypes) {
        const at::Tensor gate = (4 * at::randn(shape)).to(device, dtype).requires_grad_();
        expect_same_gradients(
            {gate, leaf(device, shape, dtype)}, [](const Tensors& x) { return Tensors{svg::swiglu(x[0], x[1])}; },
            [](const Tensors& x) { return Tensors{svg::swiglu_reference(x[0], x[1])}; }, bound(dtype));
      }
    }
  }
}

TEST_CASE("fused gradients: heads taken apart, normed and rotated") {
  for (const at::Device device : devices()) {
    constexpr int64_t kHeadDim = 12;
    for (const int64_t rows : {1, 29}) {
      const svg::Rope rope = svg::rope_of_positions(at::randint(30, {rows, 3}, at::kLong).to(device), {4, 6, 2});
      for (const at::ScalarType from : kTypes) {
        for (const at::ScalarType to : kTypes) {
          for (const bool normed : {true, false}) {
            const auto groups = [&](const Tensors& x) {
              return std::vector<svg::HeadGroup>{
                  {3, true, normed ? x[1] : at::Tensor()}, {2, true, normed ? x[2] : at::Tensor()}, {2, false}};
            };
            Tensors inputs = {leaf(device, {rows, 7 * kHeadDim}, from)};
            if (normed) inputs.insert(inputs.end(), {leaf(device, {kHeadDim}), leaf(device, {kHeadDim})});
            expect_same_gradients(
                inputs, [&](const Tensors& x) { return svg::split_heads(x[0], groups(x), kHeadDim, 1e-6, rope, to); },
                [&](const Tensors& x) { return svg::split_heads_reference(x[0], groups(x), kHeadDim, 1e-6, rope, to); },
                2 * std::max(bound(from), bound(to)));
          }
        }
      }
    }
  }
}

TEST_CASE("fused gradients: no backward kernel of the GPU has failed its first use") {
  for (const svg::KernelFault& fault : svg::kernel_faults()) EXPECT(fault.signature.rfind("test ", 0) == 0);
}
