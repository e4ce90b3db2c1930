#include "core/matrix.h"

#include "core/error.h"

namespace svg {
namespace {

class PlainMatrix : public Matrix {
 public:
  explicit PlainMatrix(at::Tensor weight) : weight_(std::move(weight)) {}

  at::Tensor product(const at::Tensor& x, const at::Tensor& bias) const override {
    return at::linear(x, weight_, bias);
  }
  std::shared_ptr<const Matrix> rows(int64_t start, int64_t count) const override {
    return plain_matrix(weight_.narrow(0, start, count));
  }
  std::shared_ptr<const Matrix> joined(const Matrix& below) const override {
    const auto* other = dynamic_cast<const PlainMatrix*>(&below);
    const bool fits = other && other->in() == in() && other->dtype() == dtype() && other->device() == device() &&
                      !trained() && !other->trained();
    return fits ? plain_matrix(at::cat({weight_, other->weight_}, 0)) : nullptr;
  }
  int64_t in() const override { return weight_.size(1); }
  int64_t out() const override { return weight_.size(0); }
  at::ScalarType dtype() const override { return weight_.scalar_type(); }
  at::Device device() const override { return weight_.device(); }
  bool trained() const override { return weight_.requires_grad(); }
  at::Tensor plain() const override { return weight_; }

 private:
  at::Tensor weight_;
};

}  // namespace

at::Tensor Matrix::unscaled_product(const QuantisedRows&) const {
  throw Error(ErrorCode::kInternal, "[matrix] 8-bit rows for a matrix that takes none");
}

std::shared_ptr<const Matrix> Matrix::joined(const Matrix&) const { return nullptr; }

std::shared_ptr<const Matrix> plain_matrix(at::Tensor weight) {
  return std::make_shared<PlainMatrix>(std::move(weight));
}

}  // namespace svg
