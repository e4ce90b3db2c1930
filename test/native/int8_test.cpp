#include <c10/core/GradMode.h>

#include <limits>

#include "check.h"
#include "ops/between_layers.h"
#include "ops/int8_matrix.h"
#include "ops/int8_weights.h"
#include "ops/layer_input.h"
#include "ops/quantise.h"
#include "ops/whole_blocks.h"

using namespace svg;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN(), kInf = std::numeric_limits<float>::infinity();

double relative(const at::Tensor& got, const at::Tensor& want) {
  const double size = want.norm().item<double>();
  return (got.to(at::kDouble) - want.to(at::kDouble)).norm().item<double>() / (size > 0 ? size : 1);
}

/// Bytes may lie one apart where a number falls between two, which the last bit decides; those of rows that are not
/// finite say nothing.
bool alike(const QuantisedRows& got, const QuantisedRows& want) {
  if (!at::allclose(got.scale, want.scale, 1e-5, 0, /*equal_nan=*/true)) return false;
  const at::Tensor rows = want.scale.isfinite().nonzero().flatten();
  const auto bytes = [&](const QuantisedRows& of) { return of.values.index_select(0, rows).to(at::kInt); };
  const at::Tensor apart = (bytes(got) - bytes(want)).abs();
  if (apart.numel() == 0) return true;
  return apart.max().item<int>() <= 1 && apart.sum().item<int64_t>() <= 2 + apart.numel() / 50;
}

bool has_units(const char* what) {
  if (int8_units() != Int8Units::kNone) return true;
  std::printf("SKIPPED %s: this processor multiplies no 8-bit numbers exactly\n", what);
  return false;
}

/// The product by its definition, in fp64.
at::Tensor defined_product(const QuantisedRows& x, const Int8Rows& rows) {
  const at::Tensor wide = (x.values.to(at::kDouble) - 128) * x.scale.to(at::kDouble).unsqueeze(1);
  return at::matmul(wide, (rows.values.to(at::kDouble) * rows.scale.to(at::kDouble).unsqueeze(1)).t());
}

}  // namespace

TEST_CASE("int8: weights are the nearest whole numbers of each output's own scale, whatever dtype they come in") {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
    const at::Tensor weight = at::randn({700, 33}).to(dtype);
    const Int8Rows rows = to_int8(weight);
    const at::Tensor wide = weight.to(at::kFloat);
    EXPECT(at::allclose(rows.scale, wide.abs().amax({1}) / 127));
    EXPECT((rows.values.abs().amax({1}) == 127).all().item<bool>());
    EXPECT(((from_int8(rows) - wide).abs() <= 0.501 * rows.scale.unsqueeze(1)).all().item<bool>());
  }
}

TEST_CASE("int8: rows of zeros stay zeros, what is not finite is refused by name") {
  at::Tensor weight = at::randn({3, 8});
  weight[1].zero_();
  weight[2].fill_(1e-44);
  const Int8Rows rows = to_int8(weight);
  EXPECT(rows.scale[1].item<float>() == 0 && from_int8(rows)[1].abs().max().item<float>() == 0);
  EXPECT(from_int8(rows)[2].isfinite().all().item<bool>());
  for (const float wrong : {kNaN, kInf, -kInf}) {
    weight[0][3] = wrong;
    EXPECT_ERROR(to_int8(weight, "layers.0.w"), ErrorCode::kWeightsMismatch, "tensor \"layers.0.w\" holds NaN");
  }
}

TEST_CASE("int8: rows are made 8 bit as the reference does, of any width and type") {
  c10::NoGradGuard no_grad;
  for (const int64_t dim : {1, 3, 33, 64, 2304}) {
    for (const int64_t rows : {0, 1, 37}) {
      const at::Tensor x = at::randn({rows, dim}) * at::rand({rows, 1}).mul(9).sub(6).exp();
      EXPECT(alike(quantised(x), quantised_reference(x)));
      EXPECT(alike(quantised(x.to(at::kBFloat16)), quantised_reference(x.to(at::kBFloat16))));
      EXPECT(relative(dequantised(quantised(x)), x) < 0.02);
    }
  }
  const at::Tensor wide = at::randn({5, 40});
  EXPECT(alike(quantised(wide.narrow(1, 7, 20)), quantised_reference(wide.narrow(1, 7, 20))));
}

TEST_CASE(
    "int8: the largest number of a row is exact, zeros are exact, and what is not finite never looks like a number") {
  at::Tensor x = at::randn({6, 50});
  x[0].zero_();
  x[1].fill_(-3);
  x[2][7] = kNaN;
  x[3][9] = kInf;
  x[4][1] = 1e30;  // an outlier beside which the rest vanishes
  x[5].fill_(1e-42);
  const QuantisedRows rows = quantised(x);
  EXPECT(rows.scale[0].item<float>() == 0 && (rows.values[0] == 128).all().item<bool>());
  EXPECT((rows.values[1] == 1).all().item<bool>());
  EXPECT_CLOSE(rows.scale[1].item<double>(), 3.0 / 127, 1e-8);
  EXPECT(rows.scale[2].isnan().item<bool>() && rows.scale[3].isnan().item<bool>());
  EXPECT(rows.values[4][1].item<int>() == 255 && rows.scale[4].isfinite().item<bool>());
  EXPECT(rows.scale[5].item<float>() == 0);
  EXPECT(alike(rows, quantised_reference(x)));
}

TEST_CASE("int8: a norm and gated activations that end in 8 bit are their references") {
  c10::NoGradGuard no_grad;
  for (const int64_t dim : {6, 48, 2305}) {
    const int64_t rows = 37;
    const RowWeights one{at::randn({1, dim}), {}}, several{at::randn({3, dim}), at::randint(3, {rows}, at::kInt)};
    for (const RowWeights& weights : {one, several}) {
      for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
        const at::Tensor x = (3 * at::randn({rows, dim})).to(dtype);
        EXPECT(alike(quantised_rms_norm(x, weights, 1e-5), quantised_rms_norm_reference(x, weights, 1e-5)));
      }
    }
    const at::Tensor both = 40 * at::randn({rows, 2 * dim}), scale = at::rand({rows}) * 0.1;
    const at::Tensor gate = both.narrow(1, 0, dim), up = both.narrow(1, dim, dim);
    EXPECT(alike(quantised_swiglu(gate, up, scale), quantised_swiglu_reference(gate, up, scale)));
    EXPECT(alike(quantised_geglu(gate, up, scale), quantised_geglu_reference(gate, up, scale)));
    EXPECT(at::allclose(scale_rows(gate.clone(), scale), gate * scale.unsqueeze(1)));
    const at::Tensor bias = at::randn({dim});
    EXPECT(at::allclose(scale_rows(gate.clone(), scale, bias), gate * scale.unsqueeze(1) + bias, 1e-5, 1e-6));
  }
}

TEST_CASE("int8: a packed product is the product of what was packed, exact but for the last rounding") {
  c10::NoGradGuard no_grad;
  if (!has_units("int8 product")) return;
  for (const auto& [in, out] :
       std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {5, 3}, {33, 70}, {96, 48}, {2304, 65}}) {
    const Int8Rows rows = to_int8(at::randn({out, in}));
    const PackedInt8 packed(rows);
    EXPECT(packed.in() == in && packed.out() == out);
    for (const int64_t count : {0, 1, 2, 19, 130}) {
      const QuantisedRows x = quantised(at::randn({count, in}));
      const at::Tensor got = packed.product(x.values) * x.scale.unsqueeze(1);
      EXPECT(got.sizes() == at::IntArrayRef({count, out}));
      EXPECT(relative(got, defined_product(x, rows)) < 1e-6);
    }
    const Int8Rows back = packed.unpacked();
    EXPECT(at::equal(back.values, rows.values) && at::equal(back.scale, rows.scale));
  }
}

TEST_CASE("int8: the largest sums do not overflow") {
  c10::NoGradGuard no_grad;
  if (!has_units("int8 sums")) return;
  constexpr int64_t kIn = 9216;
  const PackedInt8 packed({at::full({16, kIn}, 127, at::kChar), at::ones({16})});
  const at::Tensor sums = packed.product(at::full({3, kIn}, 255, at::kByte));
  EXPECT((sums == 127.0 * 127 * kIn).all().item<bool>());
  EXPECT((packed.product(at::full({3, kIn}, 1, at::kByte)) == -127.0 * 127 * kIn).all().item<bool>());
}

TEST_CASE("int8: with and without units a matrix is the one that was rounded") {
  c10::NoGradGuard no_grad;
  const Int8Rows stored = to_int8(at::randn({600, 40}));
  const at::Tensor weight = from_int8(stored), bias = at::randn({600});
  for (const Int8Units units : {Int8Units::kNone, int8_units()}) {
    const auto matrix = int8_matrix(stored, units);
    EXPECT(matrix->is_int8() == (units != Int8Units::kNone));
    EXPECT(matrix->in() == 40 && matrix->out() == 600 && matrix->dtype() == at::kFloat && !matrix->trained());
    for (const std::vector<int64_t>& sizes : std::vector<std::vector<int64_t>>{{7, 40}, {2, 3, 40}, {0, 40}, {40}}) {
      const at::Tensor x = at::randn(sizes);
      // Without units rows are not rounded.
      const at::Tensor in = matrix->is_int8() ? dequantised(quantised(x.reshape({-1, 40}))).view(sizes) : x;
      EXPECT(relative(matrix->product(x, bias), at::linear(in, weight, bias)) < 1e-5);
      EXPECT(relative(matrix->product(x, {}), at::linear(in, weight)) < 1e-5);
      EXPECT(matrix->product(x, {}).dim() == x.dim());
    }
    const at::Tensor x = at::randn({5, 40});
    const at::Tensor some = matrix->rows(100, 77)->product(x, {}), same = matrix->product(x, {}).narrow(1, 100, 77);
    // Sums of whole numbers are exact; those of fp32 have other last bits in a product of another shape.
    EXPECT(matrix->is_int8() ? at::equal(some, same) : relative(some, same) < 1e-5);
  }
}

TEST_CASE("int8: a row is the same bits in any company, also when products are made of whole blocks") {
  c10::NoGradGuard no_grad;
  const auto matrix = int8_matrix(to_int8(at::randn({90, 64})));
  const at::Tensor x = at::randn({53, 64});
  const at::Tensor all = matrix->product(x, {});
  if (matrix->is_int8()) {
    EXPECT(at::equal(all.narrow(0, 20, 1), matrix->product(x.narrow(0, 20, 1), {})));
    const WholeBlocks blocks;
    EXPECT(at::equal(all, matrix->product(x, {})));
  }
}

TEST_CASE("int8: NaN in a row is NaN in its results and in no others") {
  c10::NoGradGuard no_grad;
  at::Tensor x = at::randn({4, 24});
  x[1][5] = kNaN;
  x[2][0] = kInf;
  const at::Tensor weight = at::randn({8, 24});
  const auto matrix = int8_matrix(to_int8(weight));
  const at::Tensor y = matrix->product(x, {});
  EXPECT(y[1].isnan().all().item<bool>() && !y[2].isfinite().any().item<bool>());
  EXPECT(y[0].isfinite().all().item<bool>() && y[3].isfinite().all().item<bool>());
}

TEST_CASE("int8: layers take plain and 8-bit rows, and what stands between them goes on in 8 bit") {
  c10::NoGradGuard no_grad;
  const auto layer = [](int64_t out, int64_t in) {
    return Linear(int8_matrix(to_int8(at::randn({out, in}) / std::sqrt(in))));
  };
  const Linear gate = layer(96, 48), up = layer(96, 48), down = layer(48, 96);
  const Linear plain(plain_matrix(at::randn({48, 96})));
  const at::Tensor x = at::randn({11, 48});
  const RowWeights weights{at::rand({1, 48}), {}};
  const LayerInput in = norm_for(gate, x, weights, 1e-5);
  EXPECT((in.quantised() != nullptr) == gate.multiplies_int8());
  const at::Tensor normed = scaled_rms_norm(x, weights, 1e-5, at::kFloat);
  EXPECT(relative(in.plain(), normed) < 0.01);
  EXPECT(relative(gate(in), gate(normed)) < 0.01);
  EXPECT(relative(gate(in.some(at::tensor({3, 5}))), gate(in).index_select(0, at::tensor({3, 5}))) < 1e-6);
  const at::Tensor silu = at::silu(gate(in)) * up(in), gelu = at::gelu(gate(in), "tanh") * up(in);
  EXPECT(relative(swiglu_for(down, gate, up, in).plain(), silu) < 0.02);
  EXPECT(relative(geglu_for(down, gate, up, in).plain(), gelu) < 0.02);
  // A plain layer behind 8-bit ones gets plain rows, and an 8-bit one behind plain ones rounds by itself.
  EXPECT(!swiglu_for(plain, gate, up, in).quantised() &&
         relative(swiglu_for(plain, gate, up, in).plain(), silu) < 1e-5);
  const Linear biased(int8_matrix(to_int8(at::randn({6, 48}))), at::randn({6}));
  EXPECT(!biased.multiplies_int8() && relative(biased(in), biased(in.plain())) < 1e-6);
}

TEST_CASE("int8: weights become 8 bit one by one where they may, and are given back") {
  c10::NoGradGuard no_grad;
  struct Source : MapSource {
    using MapSource::MapSource;
    void release(const std::string& name) override { released.push_back(name); }
    std::vector<std::string> released;
  };
  const at::Tensor a = at::randn({6, 8}), b = at::randn({6, 8});
  const auto source = std::make_shared<Source>(TensorMap{{"x.a", a}, {"x.b", b.to(at::kBFloat16)}, {"c", a}}, "some");
  const Weights weights =
      int8_weights(Weights(source), [](const std::string& name, at::IntArrayRef) { return name.starts_with("x."); });
  const at::Tensor x = at::randn({3, 8});
  EXPECT(relative(weights.scope("x").matrix("b", {6, 8})->product(x, {}), at::linear(x, b)) < 0.03);
  EXPECT(source->released == std::vector<std::string>{"x.b"});
  EXPECT(at::equal(weights.matrix("c", {6, 8})->product(x, {}), at::linear(x, a)));
  EXPECT(weights.unused() == std::vector<std::string>{"x.a"});
  EXPECT_ERROR(weights.matrix("x.a", {6, 9}), ErrorCode::kWeightsMismatch, "\"x.a\" has shape");
  EXPECT_ERROR(weights.matrix("x.z", {6, 9}), ErrorCode::kWeightsMismatch, "\"x.z\" is missing");
}

TEST_CASE("int8: what is stored as 8 bit is taken as it is") {
  c10::NoGradGuard no_grad;
  struct Stored : MapSource {
    using MapSource::MapSource;
    std::optional<Int8Rows> int8_rows(const std::string& name) override {
      return name == "q" ? std::optional(rows) : std::nullopt;
    }
    Int8Rows rows = to_int8(at::randn({6, 8}));
  };
  const auto source = std::make_shared<Stored>(TensorMap{}, "stored");
  const Weights weights = int8_weights(Weights(source), [](const std::string&, at::IntArrayRef) { return true; });
  const at::Tensor x = at::randn({3, 8});
  EXPECT(at::equal(weights.matrix("q", {6, 8})->product(x, {}), int8_matrix(source->rows)->product(x, {})));
  EXPECT_ERROR(weights.matrix("q", {8, 6}), ErrorCode::kWeightsMismatch, "\"q\" has shape");
}
