#include "models/encoder_choice.h"

#include <exception>
#include <numeric>

#include "core/cancel.h"
#include "core/error.h"
#include "models/catalogue.h"

namespace svg {
namespace {

constexpr int64_t kComparedWhole = 65536;  // elements
constexpr int64_t kComparedStep = 256;     // of a larger matrix at least every such row

/// Of names and sizes, not of the disk.
bool is_misfit(const Error& error) {
  return error.code() == ErrorCode::kWeightsMismatch || error.code() == ErrorCode::kInvalidConfig;
}

/// What is read of a tensor: of a large one every n-th row, n a power of two that divides also the rows of what is
/// joined in it (queries, keys and values; a gate and what it opens).
std::vector<int64_t> compared_shape(at::IntArrayRef shape) {
  std::vector<int64_t> compared = shape.vec();
  const int64_t elements = std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<int64_t>());
  if (shape.size() < 2 || elements <= kComparedWhole || shape[0] % 2 != 0) return compared;
  compared[0] /= std::gcd(shape[0] / 2, kComparedStep);
  return compared;
}

/// Gives every n-th row to those who ask for an n-th of them, and all as it is stored, so that no more is read.
class EveryNthRow : public WeightSource {
 public:
  explicit EveryNthRow(Weights inner) : inner_(std::move(inner)) {}

  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override {
    const auto stored = inner_.shape_of(name);
    if (!stored) return {};
    const at::Tensor whole = inner_.get(name, *stored, init, role == Role::kBuffer ? role : Role::kTable);
    if (shape.size() < 2 || shape.size() != stored->size() || shape[0] < 1 || stored->front() % shape[0] != 0) {
      return whole;
    }
    return whole.slice(0, 0, stored->front(), stored->front() / shape[0]);
  }
  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override { return inner_.shape_of(name); }
  std::string description() const override { return inner_.description(); }

 private:
  Weights inner_;
};

/// Shapes without numbers, for a model that is built to see whether all is there.
class WithoutNumbers : public WeightSource {
 public:
  explicit WithoutNumbers(Weights inner) : inner_(std::move(inner)) {}

  at::Tensor find(const std::string& name, at::IntArrayRef, Init, Role) override {
    const auto stored = inner_.shape_of(name);
    return stored ? at::empty(*stored, at::device(at::kMeta)) : at::Tensor();
  }
  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override { return inner_.shape_of(name); }
  std::string description() const override { return inner_.description(); }

 private:
  Weights inner_;
};

/// Equal, or the first is the second as training in bf16 or a smaller file rounds it.
bool is_copy(const at::Tensor& inside, const at::Tensor& file) {
  const auto fp32 = [](const at::Tensor& x) { return x.to(at::kCPU, at::kFloat); };
  const at::Tensor a = fp32(inside), b = fp32(file);
  return at::equal(a, b) || at::equal(a, fp32(b.to(at::kBFloat16))) || at::equal(a, fp32(b.to(at::kHalf))) ||
         at::equal(a, fp32(b.to(at::kBFloat16).to(at::kHalf)));
}

/// Compares all that a model asks for while it is built; the model itself gets shapes without numbers.
class ComparedEncoders : public WeightSource {
 public:
  ComparedEncoders(const EncoderKind& kind, const Weights& inside, const Weights& file)
      : inside_(kind.as_comparable(some_rows(inside))), file_(kind.as_comparable(some_rows(file))) {}

  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override {
    check_cancelled();
    if (!differs_ && unread_.empty()) differs_ = !agree(name, shape, init, role);
    return file_.has(name) ? at::empty(shape, at::device(at::kMeta)) : at::Tensor();
  }
  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override { return file_.shape_of(name); }
  std::string description() const override { return file_.description(); }

  bool differs() const { return differs_; }
  /// Why the one inside could not be read; empty: it could.
  const std::string& unread() const { return unread_; }

 private:
  static Weights some_rows(const Weights& weights) { return Weights(std::make_shared<EveryNthRow>(weights)); }

  bool agree(const std::string& name, at::IntArrayRef shape, Init init, Role role) {
    const auto stored = inside_.shape_of(name);
    // A buffer that one of them leaves out follows from the sizes.
    if (!stored || !file_.has(name)) return role == Role::kBuffer || stored.has_value() == file_.has(name);
    if (at::IntArrayRef(*stored) != shape) return false;
    const std::vector<int64_t> compared = compared_shape(shape);
    at::Tensor inside;
    try {
      inside = inside_.get(name, compared, init, role);
    } catch (const Error& error) {
      if (!is_misfit(error)) throw;
      unread_ = error.what();
      return true;
    }
    return is_copy(inside, file_.get(name, compared, init, role));
  }

  Weights inside_, file_;
  bool differs_ = false;
  std::string unread_;
};

EncoderChoice not_read(const std::string& why) {
  return {false, concat("the encoder inside is not read, the file beside it is used: ", why)};
}

}  // namespace

bool same_encoder_sizes(const EncoderPlan& a, const EncoderPlan& b) {
  if (a.kind != b.kind) return false;
  for (const auto& [key, value] : a.dimensions.as_object()) {
    const Json* other = b.dimensions.find(key);
    if (key != "num_heads" && (!other || other->dump() != value.dump())) return false;
  }
  return true;
}

EncoderChoice choose_encoder(const AutoencoderFiles& files) {
  const Weights inside = files.checkpoint.scope("encoder");
  const EncoderKind* held = recognise_encoder(inside);
  const EncoderKind* given = files.encoder ? recognise_encoder(*files.encoder) : nullptr;
  if (!held || !given) return {};
  std::optional<EncoderPlan> own;
  std::string unread;
  std::exception_ptr misled;  // by a config.json of something else
  const auto infer = [&](const ConfigReader& beside) {
    own = held->infer(inside, beside, Json());
    own->build(Weights(std::make_shared<WithoutNumbers>(held->under_own_names(inside))));
  };
  try {
    infer(files.beside_inside());
  } catch (const Error& error) {
    if (!is_misfit(error)) throw;
    unread = error.what();
    misled = std::current_exception();
  }
  if (misled) {
    try {
      infer({});
      unread.clear();
    } catch (const Error& error) {
      if (!is_misfit(error)) throw;
      misled = nullptr;
    }
  }
  const auto another = [&] {
    if (misled) std::rethrow_exception(misled);
    return unread.empty() ? EncoderChoice{true, ""} : not_read(unread);
  };
  if (held->name != given->name) return another();
  const EncoderPlan beside = given->infer(*files.encoder, files.beside_encoder, Json());
  if (unread.empty() && !same_encoder_sizes(*own, beside)) return another();
  // A copy is one also where it cannot be read by itself, for want of a config.json that tells its heads.
  const auto compared = std::make_shared<ComparedEncoders>(*given, inside, *files.encoder);
  beside.build(Weights(compared));
  if (!compared->unread().empty()) return not_read(compared->unread());
  return compared->differs() ? another() : EncoderChoice();
}

}  // namespace svg
