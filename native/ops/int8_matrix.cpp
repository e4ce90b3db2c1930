#include "ops/int8_matrix.h"

#include "core/error.h"
#include "ops/quantise.h"
#include "ops/whole_blocks.h"

namespace svg {
namespace {

at::Tensor as_rows(const at::Tensor& x) { return x.reshape({-1, x.size(-1)}); }

at::Tensor shaped_like(const at::Tensor& rows, const at::Tensor& x) {
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() = rows.size(1);
  return rows.view(sizes);
}

class PackedMatrix : public Matrix {
 public:
  explicit PackedMatrix(const Int8Rows& rows) : packed_(rows) {}

  bool is_int8() const override { return true; }
  at::Tensor unscaled_product(const QuantisedRows& x) const override {
    return product_of_blocks(x.values, [this](const at::Tensor& values) { return packed_.product(values); });
  }
  at::Tensor product(const at::Tensor& x, const at::Tensor& bias) const override {
    const QuantisedRows rows = quantised(as_rows(x));
    return shaped_like(scale_rows(unscaled_product(rows), rows.scale, bias), x);
  }
  // Rows cannot be cut out of what is packed: they are unpacked and packed alone.
  std::shared_ptr<const Matrix> rows(int64_t start, int64_t count) const override {
    const Int8Rows all = packed_.unpacked();
    return std::make_shared<PackedMatrix>(
        Int8Rows{all.values.narrow(0, start, count), all.scale.narrow(0, start, count)});
  }

  int64_t in() const override { return packed_.in(); }
  int64_t out() const override { return packed_.out(); }
  at::ScalarType dtype() const override { return at::kFloat; }
  at::Device device() const override { return at::kCPU; }
  bool trained() const override { return false; }

 private:
  PackedInt8 packed_;
};

class MultipliedOutMatrix : public Matrix {
 public:
  explicit MultipliedOutMatrix(Int8Rows rows) : rows_(std::move(rows)) {}

  at::Tensor product(const at::Tensor& x, const at::Tensor& bias) const override {
    constexpr int64_t kBlock = 512;  // outputs whose weights are fp32 at once
    const at::Tensor in = as_rows(x);
    const at::Tensor result = at::empty({in.size(0), out()}, in.options());
    for (int64_t first = 0; first < out(); first += kBlock) {
      const int64_t count = std::min(kBlock, out() - first);
      const at::Tensor part = bias.defined() ? bias.narrow(0, first, count) : bias;
      result.narrow(1, first, count).copy_(at::linear(in, from_int8(cut(first, count)), part));
    }
    return shaped_like(result, x);
  }
  std::shared_ptr<const Matrix> rows(int64_t start, int64_t count) const override {
    return std::make_shared<MultipliedOutMatrix>(cut(start, count));
  }

  int64_t in() const override { return rows_.values.size(1); }
  int64_t out() const override { return rows_.values.size(0); }
  at::ScalarType dtype() const override { return at::kFloat; }
  at::Device device() const override { return at::kCPU; }
  bool trained() const override { return false; }

 private:
  Int8Rows cut(int64_t start, int64_t count) const {
    return {rows_.values.narrow(0, start, count), rows_.scale.narrow(0, start, count)};
  }

  Int8Rows rows_;
};

}  // namespace

std::shared_ptr<const Matrix> int8_matrix(const Int8Rows& rows, Int8Units units) {
  if (units == Int8Units::kNone || rows.values.numel() == 0) return std::make_shared<MultipliedOutMatrix>(rows);
  return std::make_shared<PackedMatrix>(rows);
}

}  // namespace svg
