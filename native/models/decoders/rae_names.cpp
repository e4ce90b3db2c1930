#include "models/decoders/rae_names.h"

#include <utility>

namespace svg {
namespace {

class DiffusersRaeDecoder : public WeightSource {
 public:
  explicit DiffusersRaeDecoder(Weights inner) : inner_(std::move(inner)) {}

  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override {
    return inner_.get_optional(theirs(name), shape, init, role);
  }
  std::shared_ptr<const Matrix> matrix(const std::string& name, at::IntArrayRef shape, Init init) override {
    return inner_.has(theirs(name)) ? inner_.matrix(theirs(name), shape, init) : nullptr;
  }
  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override {
    return inner_.shape_of(theirs(name));
  }
  std::string description() const override { return inner_.description(); }
  std::vector<std::string> unused() const override { return inner_.unused(); }

 private:
  static std::string theirs(std::string name) {
    static const std::vector<std::pair<std::string, std::string>> inside = {
        {".attention.attention.query.", ".attention.to_q."},
        {".attention.attention.key.", ".attention.to_k."},
        {".attention.attention.value.", ".attention.to_v."},
        {".attention.output.dense.", ".attention.to_out.0."},
    };
    for (const auto& [original, diffusers] : inside) {
      if (const size_t at = name.find(original); at != std::string::npos) {
        return name.replace(at, original.size(), diffusers);
      }
    }
    return name;
  }

  Weights inner_;
};

}  // namespace

bool has_diffusers_rae_names(const Weights& weights) { return weights.has("decoder_layers.0.attention.to_q.weight"); }

Weights with_rae_decoder_names(const Weights& weights) {
  if (!has_diffusers_rae_names(weights)) return weights;
  return Weights(std::make_shared<DiffusersRaeDecoder>(weights));
}

}  // namespace svg
