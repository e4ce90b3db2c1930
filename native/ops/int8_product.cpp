#include "ops/int8_product.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>

#include "core/cpu_flags.h"
#include "core/error.h"

namespace svg {
namespace {

// Of libtorch 2.11 to 2.14 (aten/src/ATen/native/quantized/library.cpp), called boxed: C++ signatures differ.
//   onednn::qlinear_prepack(Tensor weight, int[]? x_shape) -> Tensor
//   onednn::qlinear_pointwise(Tensor qx, float x_scale, int x_zero_point, Tensor qw, Tensor w_scale,
//     Tensor w_zero_point, Tensor? bias, float output_scale, int output_zero_point, ScalarType? output_dtype,
//     str post_op_name, Scalar?[] post_op_args, str post_op_algorithm) -> Tensor
std::optional<c10::OperatorHandle> find_operator(const char* name) {
  return c10::Dispatcher::singleton().findSchema({name, ""});
}

const c10::OperatorHandle& operator_named(const char* name, const std::optional<c10::OperatorHandle>& found) {
  SVG_CHECK(found, ErrorCode::kInternal, "[int8] this libtorch has no ", name);
  return *found;
}

at::Tensor call(const c10::OperatorHandle& handle, std::vector<c10::IValue> stack) {
  handle.callBoxed(&stack);
  return stack.at(0).toTensor();
}

at::Tensor prepack(const at::Tensor& values) {
  static const auto found = find_operator("onednn::qlinear_prepack");
  // Without the shape of x: one order serves every number of rows, and no call packs again.
  return call(operator_named("onednn::qlinear_prepack", found), {values.contiguous(), c10::IValue()});
}

at::Tensor pointwise(const at::Tensor& x, const at::Tensor& packed, const at::Tensor& scale,
                     const at::Tensor& zero_points) {
  static const auto found = find_operator("onednn::qlinear_pointwise");
  return call(operator_named("onednn::qlinear_pointwise", found),
              {x, 1.0, kInt8Zero, packed, scale, zero_points, c10::IValue(), 1.0, int64_t{0},
               static_cast<int64_t>(at::kFloat), "none", c10::List<std::optional<at::Scalar>>(), ""});
}

/// The largest products there are, many to a sum.
bool multiplies_exactly() {
  constexpr int64_t kIn = 256, kOut = 64, kRows = 4;
  if (!find_operator("onednn::qlinear_prepack") || !find_operator("onednn::qlinear_pointwise")) return false;
  try {
    const PackedInt8 packed({at::full({kOut, kIn}, 127, at::kChar), at::ones({kOut})});
    const at::Tensor sums = packed.product(at::full({kRows, kIn}, 255, at::kByte));
    return sums.eq(127.0 * 127 * kIn).all().item<bool>();
  } catch (const c10::Error&) {  // a libtorch without oneDNN
    return false;
  }
}

Int8Units ask() {
  const bool amx = cpu_has_any({"amx_int8"});
  if (!amx && !cpu_has_any({"avx512_vnni", "avx_vnni"})) return Int8Units::kNone;
  if (!multiplies_exactly()) return Int8Units::kNone;
  return amx ? Int8Units::kAmx : Int8Units::kVnni;
}

}  // namespace

Int8Units int8_units() {
  static const Int8Units units = ask();
  return units;
}

const char* int8_units_name(Int8Units units) {
  switch (units) {
    case Int8Units::kAmx: return "amx";
    case Int8Units::kVnni: return "vnni";
    case Int8Units::kNone: break;
  }
  return "none";
}

PackedInt8::PackedInt8(const Int8Rows& rows) : in_(rows.values.size(1)), scale_(rows.scale.contiguous()) {
  SVG_CHECK(in_ > 0 && in_ <= kInt8MostInputs && rows.values.size(0) > 0, ErrorCode::kInternal, "[int8] a matrix of ",
            rows.values.sizes());
  packed_ = prepack(rows.values);
  zero_points_ = at::zeros({rows.values.size(0)}, at::kInt);
}

at::Tensor PackedInt8::product(const at::Tensor& x) const { return product(x, scale_); }

at::Tensor PackedInt8::product(const at::Tensor& x, const at::Tensor& scale) const {
  if (x.size(0) == 0) return at::empty({0, out()}, at::kFloat);
  return pointwise(x, packed_, scale, zero_points_);
}

// Row i of the identity picks column i of the weights; the sums are whole numbers, without any rounding.
Int8Rows PackedInt8::unpacked() const {
  constexpr int64_t kRows = 512;
  const at::Tensor ones = at::ones_like(scale_);
  const at::Tensor values = at::empty({out(), in_}, at::kChar);
  for (int64_t first = 0; first < in_; first += kRows) {
    const int64_t count = std::min(kRows, in_ - first);
    const at::Tensor x = at::full({count, in_}, kInt8Zero, at::kByte);
    x.narrow(1, first, count).diagonal().fill_(kInt8Zero + 1);
    values.narrow(1, first, count).copy_(product(x, ones).t());
  }
  return {values, scale_};
}

}  // namespace svg
