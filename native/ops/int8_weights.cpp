#include "ops/int8_weights.h"

#include "core/error.h"
#include "ops/int8_matrix.h"

namespace svg {
namespace {

class Int8Source : public WeightSource {
 public:
  Int8Source(Weights inner, TakesInt8 takes, Int8Units units)
      : inner_(std::move(inner)), takes_(std::move(takes)), units_(units) {}

  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override {
    return inner_.get_optional(name, shape, init, role);
  }
  std::shared_ptr<const Matrix> matrix(const std::string& name, at::IntArrayRef shape, Init init) override {
    if (!takes_(name, shape) || shape[1] > kInt8MostInputs) return inner_.matrix(name, shape, init);
    std::optional<Int8Rows> rows = inner_.int8_rows(name);
    const bool stored = rows.has_value();
    if (!stored) rows = to_int8(inner_.get(name, shape, init, Role::kTable), name);
    SVG_CHECK(rows->values.sizes() == shape, ErrorCode::kWeightsMismatch, "tensor \"", name, "\" has shape ",
              rows->values.sizes(), ", the configuration needs ", shape, " (", description(), ")");
    auto made = int8_matrix(*rows, units_);
    // Rounding and packing copy; what is stored as 8 bit and not packed stays where it is.
    if (made->is_int8() || !stored) inner_.release(name);
    return made;
  }
  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override { return inner_.shape_of(name); }
  std::string description() const override { return inner_.description(); }
  std::vector<std::string> unused() const override { return inner_.unused(); }

 private:
  Weights inner_;
  TakesInt8 takes_;
  Int8Units units_;
};

}  // namespace

Weights int8_weights(const Weights& weights, TakesInt8 takes, Int8Units units) {
  return Weights(std::make_shared<Int8Source>(weights, std::move(takes), units));
}

}  // namespace svg
