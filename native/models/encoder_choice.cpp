#include "models/encoder_choice.h"

#include "core/error.h"
#include "models/catalogue.h"

namespace svg {
namespace {

/// Equal, or the first is the second as training in bf16 or a smaller file rounds it. Both fp32.
bool is_copy(const at::Tensor& inside, const at::Tensor& file) {
  const auto rounded = [&](at::ScalarType dtype) { return file.to(dtype); };
  return at::equal(inside, file) || at::equal(inside, rounded(at::kBFloat16).to(inside.scalar_type())) ||
         at::equal(inside, rounded(at::kHalf).to(inside.scalar_type())) ||
         at::equal(inside, rounded(at::kBFloat16).to(at::kHalf).to(inside.scalar_type()));
}

/// Compares all that a model asks for while it is built; the model itself gets shapes without numbers.
class ComparedEncoders : public WeightSource {
 public:
  ComparedEncoders(Weights inside, Weights file) : inside_(std::move(inside)), file_(std::move(file)) {}

  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override {
    if (!differs_) differs_ = !agree(name, shape, init, role);
    return file_.has(name) ? at::empty(shape, at::device(at::kMeta)) : at::Tensor();
  }
  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override { return file_.shape_of(name); }
  std::string description() const override { return file_.description(); }

  bool differs() const { return differs_; }

 private:
  bool agree(const std::string& name, at::IntArrayRef shape, Init init, Role role) const {
    const auto stored = inside_.shape_of(name);
    // A buffer that one of them leaves out follows from the sizes.
    if (!stored || !file_.has(name)) return role == Role::kBuffer || stored.has_value() == file_.has(name);
    if (at::IntArrayRef(*stored) != shape) return false;
    return is_copy(inside_.get(name, shape, init, role), file_.get(name, shape, init, role));
  }

  Weights inside_, file_;
  bool differs_ = false;
};

}  // namespace

bool holds_another_encoder(const AutoencoderFiles& files) {
  const Weights inside = files.checkpoint.scope("encoder");
  const EncoderKind* held = recognise_encoder(inside);
  const EncoderKind* given = files.encoder ? recognise_encoder(*files.encoder) : nullptr;
  if (!held || !given) return false;
  if (held->name != given->name) return true;
  const EncoderPlan plan = given->infer(*files.encoder, files.beside_encoder, Json());
  const auto compared =
      std::make_shared<ComparedEncoders>(held->under_own_names(inside), given->under_own_names(*files.encoder));
  plan.build(Weights(compared));
  return compared->differs();
}

}  // namespace svg
