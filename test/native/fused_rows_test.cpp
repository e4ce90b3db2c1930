// Operations that do at once what takes several: each is what its parts give one after the other.
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "check.h"
#include "core/device_lap.h"
#include "ops/head_groups.h"
#include "ops/layers.h"
#include "ops/residual_norm.h"
#include "ops/swiglu.h"

namespace {

/// Of the largest value.
double largest_gap(const at::Tensor& got, const at::Tensor& want) {
  EXPECT(got.sizes() == want.sizes() && got.scalar_type() == want.scalar_type());
  if (got.numel() == 0) return 0;
  const at::Tensor wide = want.detach().to(at::kDouble);
  return ((got.detach().to(at::kDouble) - wide).abs().max() / wide.abs().max()).item<double>();
}

/// fp32 in another order of sums; one rounding of bf16.
double gap_of(at::ScalarType dtype) { return dtype == at::kFloat ? 5e-6 : 1.0 / 128; }

const std::vector<at::ScalarType> kBothTypes = {at::kFloat, at::kBFloat16};

}  // namespace

TEST_CASE("fused rows: the end of a branch and the begin of the next are the two norms") {
  const c10::NoGradGuard no_grad;
  for (const int64_t rows : {0, 1, 37}) {
    for (const int64_t dim : {6, 48, 2304}) {
      const svg::RowWeights one{at::randn({1, dim}), {}};
      const svg::RowWeights several{at::randn({3, dim}), at::randint(3, {rows}, at::kInt)};
      for (const svg::RowWeights& closing : {one, several}) {
        const at::Tensor opening = at::randn(closing.rows.sizes());
        for (const at::ScalarType stream : kBothTypes) {
          for (const at::ScalarType branch : kBothTypes) {
            const at::Tensor x = (3 * at::randn({rows, dim})).to(stream), y = at::randn({rows, dim}).to(branch);
            for (const at::ScalarType dtype : kBothTypes) {  // of another type than the branch's it is done in two
              const auto got = svg::residual_norm(x, y, closing, 1e-5, opening, 1e-6, dtype);
              const auto want = svg::residual_norm_reference(x, y, closing, 1e-5, opening, 1e-6, dtype);
              EXPECT_CLOSE(largest_gap(got.sum, want.sum), 0, gap_of(stream));
              EXPECT_CLOSE(largest_gap(got.normed, want.normed), 0, gap_of(stream == dtype ? dtype : at::kBFloat16));
            }
          }
        }
      }
    }
  }
  const at::Tensor x = at::randn({4, 8});
  EXPECT_ERROR(svg::residual_norm(x, x, {at::ones({1, 8}), {}}, 1e-5, at::ones({2, 8}), 1e-5, at::kFloat),
               svg::ErrorCode::kInternal, "[residual_norm]");
}

TEST_CASE("fused rows: gradients flow through both norms") {
  const auto leaf = [](const at::Tensor& values) { return values.clone().requires_grad_(); };
  const at::Tensor x = at::randn({5, 24}), y = at::randn({5, 24}), out = at::randn({1, 24}), in = at::randn({1, 24});
  std::vector<at::Tensor> inputs[2];
  for (std::vector<at::Tensor>& leaves : inputs) leaves = {leaf(x), leaf(y), leaf(out), leaf(in)};
  const auto loss = [](const svg::ResidualNorm& both) { return (both.sum.square().sum() + both.normed.sum()); };
  const auto& [a, b] = inputs;
  loss(svg::residual_norm(a[0], a[1], {a[2], {}}, 1e-5, a[3], 1e-5, at::kFloat)).backward();
  loss(svg::residual_norm_reference(b[0], b[1], {b[2], {}}, 1e-5, b[3], 1e-5, at::kFloat)).backward();
  for (size_t i = 0; i < a.size(); ++i) EXPECT_CLOSE(largest_gap(a[i].grad(), b[i].grad()), 0, 1e-5);
}

TEST_CASE("fused rows: queries and keys are normed and rotated at once, values stay where they are") {
  const c10::NoGradGuard no_grad;
  const svg::Rope rope = svg::rope_of_positions(at::randint(30, {11, 3}, at::kLong), {4, 6, 2});
  for (const at::ScalarType dtype : kBothTypes) {
    const at::Tensor rows = at::randn({11, 8 * 12}).to(dtype);
    for (const bool normed : {true, false}) {
      const at::Tensor q_norm = normed ? at::randn({12}) : at::Tensor(),
                       k_norm = normed ? at::randn({12}) : at::Tensor();
      const std::vector<svg::HeadGroup> groups = {{4, true, q_norm}, {2, true, k_norm}, {2}};
      const auto got = svg::split_heads(rows, groups, 12, 1e-6, rope, dtype);
      const auto want = svg::split_heads_reference(rows, groups, 12, 1e-6, rope, dtype);
      EXPECT(got.size() == 3);
      for (size_t i = 0; i < 3; ++i) EXPECT_CLOSE(largest_gap(got[i], want[i]), 0, gap_of(dtype));
      EXPECT(got[0].storage().data() == got[1].storage().data());
      EXPECT(got[2].data_ptr() == rows.narrow(1, 6 * 12, 2 * 12).data_ptr());
    }
    // Three groups that are rotated: the third by itself.
    const std::vector<svg::HeadGroup> three = {{4, true, at::randn({12})}, {2, true}, {2, true, at::randn({12})}};
    const auto got = svg::split_heads(rows, three, 12, 1e-6, rope, dtype);
    const auto want = svg::split_heads_reference(rows, three, 12, 1e-6, rope, dtype);
    for (size_t i = 0; i < 3; ++i) EXPECT_CLOSE(largest_gap(got[i], want[i]), 0, gap_of(dtype));
  }
}

TEST_CASE("fused rows: gate and value may be halves of the same rows") {
  for (const at::ScalarType dtype : kBothTypes) {
    const at::Tensor both = at::randn({7, 48}).to(dtype).requires_grad_();
    const auto halves = both.chunk(2, 1);
    const at::Tensor got = svg::swiglu(halves[0], halves[1]), want = svg::swiglu_reference(halves[0], halves[1]);
    EXPECT(got.is_contiguous());
    EXPECT_CLOSE(largest_gap(got.detach(), want.detach()), 0, gap_of(dtype));
    const at::Tensor slope = at::randn({7, 24}).to(dtype);
    const at::Tensor one = torch::autograd::grad({got}, {both}, {slope}, /*retain_graph=*/true)[0];
    const at::Tensor other = torch::autograd::grad({want}, {both}, {slope})[0];
    EXPECT_CLOSE(largest_gap(one, other), 0, gap_of(dtype));
  }
}

TEST_CASE("fused rows: two layers as one give the outputs of both, and part again without a copy") {
  const c10::NoGradGuard no_grad;
  const at::Tensor first = at::randn({6, 4}), second = at::randn({3, 4}), x = at::randn({5, 4});
  const svg::Linear one(svg::plain_matrix(first)), other(svg::plain_matrix(second));
  const svg::Linear both = one.joined(other);
  EXPECT(both.defined() && both.out() == 9);
  EXPECT_CLOSE(largest_gap(both(x), at::cat({one(x), other(x)}, 1)), 0, 1e-6);
  EXPECT_CLOSE(largest_gap(both.rows(6, 3)(x), other(x)), 0, 1e-6);
  // What does not go together stays two.
  EXPECT(!one.joined(svg::Linear(svg::plain_matrix(at::randn({3, 5})))).defined());
  EXPECT(!one.joined(svg::Linear(svg::plain_matrix(second.to(at::kBFloat16)))).defined());
  EXPECT(!one.joined(svg::Linear(svg::plain_matrix(second), at::randn({3}))).defined());
  EXPECT(!one.joined(svg::Linear(svg::plain_matrix(second.clone().requires_grad_()))).defined());
}

TEST_CASE("fused rows: the lap of a device's work lasts as long as the work") {
  svg::DeviceLap lap(at::kCPU);
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(3)) {
  }
  lap.stop();
  const double seconds = lap.seconds();
  EXPECT(seconds >= 0.003);
  EXPECT(svg::DeviceLap(lap).seconds() == seconds);  // a copy tells the same, whenever it is asked
}
