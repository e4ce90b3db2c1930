#include <c10/core/GradMode.h>

#include <set>

#include "check.h"
#include "kernels/cuda.h"
#include "ops/attention.h"
#include "ops/fused.h"
#include "ops/group_norm.h"
#include "ops/head_groups.h"
#include "ops/layers.h"
#include "ops/modulate.h"
#include "ops/packed_attention.h"
#include "ops/residual_norm.h"
#include "ops/rms_norm.h"
#include "ops/rope.h"
#include "ops/rotate_halves.h"
#include "ops/swiglu.h"
#include "ops/verified.h"
#include "ops/verified_gradients.h"
#include "ops/whole_blocks.h"

namespace {

// fp32 kernels may differ from ATen in the last bits, bf16 ones by one rounding of a result of size 1..8.
double bound(at::ScalarType dtype) { return dtype == at::kFloat ? 5e-6 : 4e-2; }

double largest_difference(const at::Tensor& left, const at::Tensor& right) {
  return left.numel() == 0 ? 0 : (left.to(at::kDouble) - right.to(at::kDouble)).abs().max().item<double>();
}

const std::vector<at::ScalarType> kTypes = {at::kFloat, at::kBFloat16};

}  // namespace

TEST_CASE("ops: the fused norms are the plain ones") {
  c10::NoGradGuard no_grad;
  for (const int64_t rows : {0, 1, 37}) {
    for (const int64_t dim : {6, 48, 2304}) {
      const svg::RowWeights one{at::randn({1, dim}), {}};
      const svg::RowWeights several{at::randn({3, dim}), at::randint(3, {rows}, at::kInt)};
      for (const svg::RowWeights& weights : {one, several}) {
        for (const at::ScalarType from : kTypes) {
          const at::Tensor x = (3 * at::randn({rows, dim})).to(from);
          for (const at::ScalarType to : kTypes) {
            EXPECT_CLOSE(largest_difference(svg::scaled_rms_norm(x, weights, 1e-5, to),
                                            svg::scaled_rms_norm_reference(x, weights, 1e-5, to)),
                         0, bound(to));
            const at::Tensor y = at::randn({rows, dim}).to(to);
            EXPECT_CLOSE(largest_difference(svg::add_scaled_rms_norm(x, y, weights, 1e-5),
                                            svg::add_scaled_rms_norm_reference(x, y, weights, 1e-5)),
                         0, 2 * bound(from));
          }
        }
      }
    }
  }
}

TEST_CASE("ops: rms_norm is its reference, also on three dimensions") {
  c10::NoGradGuard no_grad;
  for (const at::ScalarType dtype : kTypes) {
    const at::Tensor x = at::randn({2, 5, 40}).to(dtype);
    const at::Tensor weight = at::randn({40});
    EXPECT_CLOSE(largest_difference(svg::rms_norm(x, weight, 1e-6), svg::rms_norm_reference(x, weight, 1e-6)), 0,
                 bound(dtype));
  }
}

TEST_CASE("ops: swiglu is its reference over the whole range") {
  c10::NoGradGuard no_grad;
  for (const at::ScalarType dtype : kTypes) {
    const at::Tensor gate = at::cat({at::linspace(-120, 120, 4001), at::randn({999})}).view({8, 625}).to(dtype);
    const at::Tensor up = at::randn({8, 625}).to(dtype);
    const at::Tensor want = svg::swiglu_reference(gate, up);
    const at::Tensor error = (svg::swiglu(gate, up) - want).abs() / (want.abs() + 1);
    EXPECT_CLOSE(error.max().item<double>(), 0, dtype == at::kFloat ? 1e-6 : 1e-2);
  }
}

TEST_CASE("ops: group norm with silu is its reference, and so are its gradients") {
  c10::AutoGradMode grad(true);
  const std::vector<std::vector<int64_t>> shapes = {{2, 64, 5, 7}, {1, 32, 1, 1}, {1, 96, 33, 20}, {3, 32, 2, 3}};
  for (const std::vector<int64_t>& shape : shapes) {
    for (const at::ScalarType dtype : kTypes) {
      const at::Tensor values = (100 + 2 * at::randn(shape)).to(dtype).contiguous(at::MemoryFormat::ChannelsLast);
      const at::Tensor cotangent = at::randn(shape).to(dtype);
      const std::vector<at::Tensor> parameters = {1 + 0.3 * at::randn({shape[1]}), 0.3 * at::randn({shape[1]})};
      const auto run = [&](at::Tensor (*op)(const svg::GroupNorm&, const at::Tensor&), at::ScalarType type) {
        svg::GroupNorm norm;
        const at::ScalarType wide = type == at::kDouble ? type : at::kFloat;
        norm.weight = parameters[0].to(wide, false, true).requires_grad_(true);
        norm.bias = parameters[1].to(wide, false, true).requires_grad_(true);
        norm.groups = 32;
        norm.eps = 1e-6;
        const at::Tensor x = values.to(type, false, true).requires_grad_(true);
        const at::Tensor out = op(norm, x);
        out.backward(cotangent.to(type));
        return std::vector<at::Tensor>{out.detach(), x.grad(), norm.weight.grad(), norm.bias.grad()};
      };
      const auto fused = run(svg::group_norm_silu, dtype), plain = run(svg::group_norm_silu_reference, at::kDouble);
      EXPECT(fused[0].is_contiguous(at::MemoryFormat::ChannelsLast));
      for (size_t i = 0; i < fused.size(); ++i) {
        const double size = plain[i].abs().max().item<double>();
        double most = (dtype == at::kFloat ? 2e-4 : 1e-2) * (size + 1);
        // x's gradient in groups of one value: 1 / sqrt(eps) multiplies a rounding, above 2e-4 in 7 of 300 draws.
        if (i == 1 && shape == shapes[1] && dtype == at::kFloat) most = 1e-3;
        EXPECT_CLOSE(largest_difference(fused[i], plain[i]), 0, most);
      }
    }
  }
}

TEST_CASE("ops: heads are normed and rotated as the reference does, with strided rows and without a norm") {
  c10::NoGradGuard no_grad;
  const svg::Rope rope = svg::rope_of_positions(at::randint(30, {11, 3}, at::kLong), {4, 6, 2});
  for (const at::ScalarType dtype : kTypes) {
    const at::Tensor rows = at::randn({11, 100}).to(dtype);
    const at::Tensor heads = rows.narrow(1, 12, 60).unflatten(1, {5, 12});
    for (const at::Tensor& weight : {at::randn({12}), at::Tensor()}) {
      EXPECT_CLOSE(largest_difference(svg::norm_rotate_heads(heads, weight, 1e-6, rope),
                                      svg::norm_rotate_heads_reference(heads, weight, 1e-6, rope)),
                   0, bound(dtype));
    }
  }
}

TEST_CASE("ops: halves are rotated with the bits of the reference, from strided rows, behind tokens that stay") {
  c10::NoGradGuard no_grad;
  for (const at::ScalarType dtype : kTypes) {
    const at::Tensor rows = at::randn({2, 40, 3 * 60}).to(dtype);
    for (const int64_t prefix : {0, 5}) {
      const at::Tensor heads = rows.narrow(2, 60, 60).unflatten(2, {6, 10});
      const at::Tensor cos = at::randn({40 - prefix, 10}), sin = at::randn({40 - prefix, 10});
      const at::Tensor got = svg::rotate_halves(heads, cos, sin, prefix);
      EXPECT(got.is_contiguous() && at::equal(got, svg::rotate_halves_reference(heads, cos, sin, prefix)));
    }
  }
  const c10::AutoGradMode recorded(true);
  const at::Tensor learnt = at::randn({1, 7, 2, 4}).requires_grad_(true);
  svg::rotate_halves(learnt, at::ones({6, 4}), at::zeros({6, 4}), 1).sum().backward();
  EXPECT(at::equal(learnt.grad(), at::ones_like(learnt)));
}

TEST_CASE("ops: a constant position on an axis cancels in every product of query and key") {
  const at::Tensor here = at::tensor({0, 1, 2, 0, 3, 1}, at::kLong).view({2, 3});
  const at::Tensor there = here + at::tensor({40, 0, 0}, at::kLong);
  const at::Tensor q = at::randn({2, 1, 12});
  const auto product = [&](const at::Tensor& positions) {
    const at::Tensor rotated =
        svg::norm_rotate_heads_reference(q, {}, 1e-6, svg::rope_of_positions(positions, {4, 4, 4}));
    return (rotated[0] * rotated[1]).sum().item<double>();
  };
  EXPECT_CLOSE(product(here), product(there), 1e-5);
}

TEST_CASE("ops: packed attention is attention per segment") {
  c10::NoGradGuard no_grad;
  const at::Tensor q = at::randn({9, 4, 8});
  const at::Tensor k = at::randn({12, 2, 8});
  const at::Tensor v = at::randn({12, 2, 8});
  const at::Tensor packed = svg::packed_attention(q, k, v, {{0, 3, 3, 9}, at::kCPU}, {{0, 5, 6, 12}, at::kCPU});
  const auto part = [&](int64_t from, int64_t rows, int64_t key, int64_t keys) {
    const auto batch = [](const at::Tensor& x, int64_t start, int64_t length) {
      return x.narrow(0, start, length).unsqueeze(0);
    };
    return svg::attention(batch(q, from, rows), batch(k, key, keys), batch(v, key, keys))[0];
  };
  EXPECT_CLOSE(largest_difference(packed, at::cat({part(0, 3, 0, 5), part(3, 6, 6, 6)})), 0, 1e-6);
}

TEST_CASE("ops: gradients flow through every fused op") {
  const at::Tensor x = at::randn({5, 24}).requires_grad_();
  const at::Tensor weight = at::randn({1, 24}).requires_grad_();
  const svg::Rope rope = svg::rope_of_positions(at::randint(9, {5, 1}, at::kLong), {12});
  const at::Tensor normed = svg::scaled_rms_norm(x, {weight, {}}, 1e-5, at::kFloat);
  const at::Tensor heads = svg::norm_rotate_heads(normed.view({5, 2, 12}), weight[0].narrow(0, 0, 12), 1e-6, rope);
  svg::add_scaled_rms_norm(x, svg::swiglu(heads.flatten(1), x), {weight, {}}, 1e-5).square().sum().backward();
  EXPECT(x.grad().abs().min().item<double>() > 0);
  EXPECT(weight.grad().isfinite().all().item<bool>());
}

TEST_CASE("ops: kernels are trusted only after they agreed with the plain operations") {
  const at::Tensor right = at::ones({4});
  int plain_runs = 0;
  const auto plain = [&] {
    ++plain_runs;
    return right;
  };
  const auto same = [&] { return right.clone(); };
  const auto wrong = [&]() -> at::Tensor { return right + 1; };
  const auto broken = [&]() -> at::Tensor { throw std::runtime_error("no such device"); };
  for (int i = 0; i < 3; ++i) {
    EXPECT(at::equal(svg::verified("test same", same, plain), right));
    EXPECT(at::equal(svg::verified("test wrong", wrong, plain), right));
    EXPECT(at::equal(svg::verified("test broken", broken, plain), right));
  }
  EXPECT(plain_runs == 1 + 3 + 3);
  const auto short_result = [&]() -> at::Tensor { return at::ones({3}); };
  EXPECT(at::equal(svg::verified("test short", short_result, plain), right));

  const auto cause_of = [](const std::vector<svg::KernelFault>& faults, const std::string& signature) {
    for (const svg::KernelFault& fault : faults) {
      if (fault.signature == signature) return fault.cause;
    }
    return std::string();
  };
  for (const auto& faults : {svg::kernel_faults(), svg::take_kernel_faults()}) {
    EXPECT(cause_of(faults, "test same").empty());
    EXPECT(cause_of(faults, "test wrong") == "it is off by 1 of the result, at most 1e-05 is right");
    EXPECT(cause_of(faults, "test broken") == "it failed: no such device");
    EXPECT(cause_of(faults, "test short") == "its result is Float [3] instead of Float [4]");
  }
  EXPECT(svg::take_kernel_faults().empty());  // each is told once
  EXPECT(!svg::kernel_faults().empty());
}

TEST_CASE("ops: a kernel's signature does not know how many rows there are: it is tried once, not once a batch") {
  const auto signature = [](int64_t rows) {
    return svg::signature_of("norm", {at::zeros({rows, 6}), at::zeros({rows}, at::kInt), at::Tensor()});
  };
  EXPECT(signature(3) == "norm Float 6 Int none" && signature(5) == signature(3));
}

TEST_CASE("ops: a backward kernel is trusted only after it agreed with autograd, and one that is wrong is named once") {
  c10::NoGradGuard no_grad;  // as in a backward pass
  using Tensors = std::vector<at::Tensor>;
  const Tensors inputs = {at::randn({7, 8}), at::randn({7, 8}).to(at::kBFloat16)};
  const at::Tensor slopes = at::randn({7, 8});
  int plain_runs = 0;
  const auto plain = [&](const Tensors& x) {
    ++plain_runs;
    return svg::swiglu_reference(x[0], x[1]);
  };
  const Tensors want = svg::plain_gradients(plain, inputs, slopes);
  EXPECT(want.size() == 2 && want[1].scalar_type() == at::kBFloat16);
  const at::Tensor gate = inputs[0], sigmoid = gate.sigmoid();
  EXPECT_CLOSE(largest_difference(want[0], slopes * inputs[1].to(at::kFloat) * sigmoid * (1 + gate * (1 - sigmoid))), 0,
               1e-5);
  plain_runs = 0;
  const auto right = [&] { return want; };
  const auto wrong = [&] { return Tensors{want[0], want[1] * 2}; };
  for (int i = 0; i < 3; ++i) {
    for (const auto& [name, fast] : {std::pair<const char*, svg::Gradients>{"test right backward", right},
                                     std::pair<const char*, svg::Gradients>{"test wrong backward", wrong}}) {
      const Tensors got = svg::verified_gradients(name, fast, plain, inputs, slopes);
      EXPECT(at::equal(got[0], want[0]) && at::equal(got[1], want[1]));
    }
  }
  EXPECT(plain_runs == 1 + 3);
  const auto told = [] {
    std::vector<std::string> names;
    for (const svg::KernelFault& fault : svg::take_kernel_faults()) {
      if (fault.signature.find("backward") != std::string::npos) names.push_back(fault.signature);
    }
    return names;
  };
  EXPECT(told() == std::vector<std::string>{"test wrong backward"} && told().empty());
  // Sums over rows may end in any order.
  const auto nearly = [&] { return Tensors{want[0] * (1 + 5e-5), want[1]}; };
  const auto off = [&] { return Tensors{want[0] * (1 + 5e-4), want[1]}; };
  svg::verified_gradients("test nearly backward", nearly, plain, inputs, slopes);
  svg::verified_gradients("test off backward", off, plain, inputs, slopes);
  EXPECT(told() == std::vector<std::string>{"test off backward"});
  // The first gradients of a model whose last layer begins with zeros tell nothing of a kernel.
  const auto doubled = [&](const at::Tensor& of) {
    Tensors gradients = svg::plain_gradients(plain, inputs, of);
    return Tensors{gradients[0], gradients[1] * 2};
  };
  for (const at::Tensor& of : {at::zeros_like(slopes), slopes}) {
    EXPECT(told().empty());
    svg::verified_gradients(
        "test late backward", [&] { return doubled(of); }, plain, inputs, of);
  }
  EXPECT(told() == std::vector<std::string>{"test late backward"});
}

TEST_CASE("ops: kernels of the GPU are the plain operations") {
  if (!at::hasCUDA() || !svg::cuda::built_with_cuda()) {
    std::printf("SKIPPED kernels of the GPU: %s\n", at::hasCUDA() ? "built without CUDA" : "no GPU");
    if (svg::cuda::built_with_cuda()) return;
    EXPECT_ERROR(svg::cuda::swiglu({}, {}, {}, 0, 0, nullptr), svg::ErrorCode::kDeviceUnavailable,
                 "built without CUDA");
    return;
  }
  c10::NoGradGuard no_grad;
  const svg::Rope rope = svg::rope_of_positions(at::randint(30, {11, 3}, at::kLong).cuda(), {32, 32, 32});
  for (const at::ScalarType dtype : kTypes) {
    const at::Tensor x = at::randn({11, 2304}, at::device(at::kCUDA).dtype(at::kFloat)).to(dtype);
    const svg::RowWeights weights{at::randn({3, 2304}).cuda(), at::randint(3, {11}, at::kInt).cuda()};
    for (int turn = 0; turn < 2; ++turn) {  // the first turn is the comparison itself
      svg::scaled_rms_norm(x, weights, 1e-5, dtype);
      svg::add_scaled_rms_norm(x, x, weights, 1e-5);
      svg::residual_norm(x, x.to(at::kBFloat16), weights, 1e-5, weights.rows + 1, 1e-6, at::kBFloat16);
      svg::swiglu(x, x);
      const auto halves = x.chunk(2, 1);
      svg::swiglu(halves[0], halves[1]);
      svg::split_heads(x, {{16, true, at::randn({96}).cuda()}, {4, true, {}}, {4}}, 96, 1e-6, rope, dtype);
      svg::norm_rotate_heads(x.unflatten(1, {24, 96}), at::randn({96}).cuda(), 1e-6, rope);
    }
  }
  for (const svg::KernelFault& fault : svg::kernel_faults()) EXPECT(fault.signature.rfind("test ", 0) == 0);
}

namespace {

// Remembers the numbers of rows that it was asked for.
class CountingMatrix : public svg::Matrix {
 public:
  explicit CountingMatrix(at::Tensor weight) : weight_(std::move(weight)) {}
  at::Tensor product(const at::Tensor& x, const at::Tensor& bias) const override {
    asked.insert(x.size(0));
    return at::linear(x, weight_, bias);
  }
  std::shared_ptr<const Matrix> rows(int64_t, int64_t) const override { return nullptr; }
  int64_t in() const override { return weight_.size(1); }
  int64_t out() const override { return weight_.size(0); }
  at::ScalarType dtype() const override { return weight_.scalar_type(); }
  at::Device device() const override { return weight_.device(); }
  bool trained() const override { return false; }

  mutable std::set<int64_t> asked;

 private:
  at::Tensor weight_;
};

}  // namespace

TEST_CASE("ops: under WholeBlocks products of all numbers of rows are of a few, and the same") {
  c10::NoGradGuard no_grad;
  const at::Tensor bias = at::randn({3}).to(at::kBFloat16);
  const auto counting = std::make_shared<CountingMatrix>(at::randn({3, 8}).to(at::kBFloat16));
  const svg::Linear linear(counting, bias);
  for (int64_t rows = 0; rows <= 600; ++rows) {
    const at::Tensor x = at::randn({rows, 8}).to(at::kBFloat16);
    const at::Tensor plain = linear(x);
    EXPECT(counting->asked == std::set<int64_t>{rows});
    counting->asked.clear();
    const svg::WholeBlocks blocks;
    const at::Tensor result = linear(x);
    EXPECT(result.sizes() == plain.sizes());
    EXPECT_CLOSE(largest_difference(result, plain), 0, bound(at::kBFloat16));
    EXPECT(*counting->asked.begin() >= rows && *counting->asked.begin() <= rows + rows / 4);
    counting->asked.clear();
  }
  std::set<int64_t> numbers;
  for (int64_t rows = 0; rows <= 1024; ++rows) numbers.insert(svg::whole_blocks(rows));
  EXPECT(numbers.size() == 37);
  EXPECT(svg::whole_blocks(4097) == 4352);
}

TEST_CASE("ops: WholeBlocks leaves fp32 alone, and ends with its scope") {
  c10::NoGradGuard no_grad;
  const auto counting = std::make_shared<CountingMatrix>(at::randn({3, 8}));
  const svg::Linear linear(counting);
  {
    const svg::WholeBlocks outer;
    { const svg::WholeBlocks inner; }
    linear(at::randn({101, 8}));
  }
  linear(at::randn({101, 8}));
  EXPECT(counting->asked == std::set<int64_t>{101});
}
