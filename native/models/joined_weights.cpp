#include "models/joined_weights.h"

#include <utility>

#include "core/matrix.h"

namespace svg {
namespace {

class JoinedWeights : public WeightSource {
 public:
  JoinedWeights(Weights weights, const std::string& name, Weights others)
      : weights_(std::move(weights)), others_(std::move(others)), prefix_(name + ".") {}

  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override {
    return of(name).get_optional(own(name), shape, init, role);
  }
  std::shared_ptr<const Matrix> matrix(const std::string& name, at::IntArrayRef shape, Init init) override {
    return of(name).has(own(name)) ? of(name).matrix(own(name), shape, init) : nullptr;
  }
  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override {
    return of(name).shape_of(own(name));
  }
  std::string description() const override { return weights_.description(); }
  std::vector<std::string> unused() const override {
    std::vector<std::string> names = weights_.unused();
    for (const std::string& name : others_.unused()) names.push_back(prefix_ + name);
    return names;
  }

 private:
  bool is_other(const std::string& name) const { return name.starts_with(prefix_); }
  const Weights& of(const std::string& name) const { return is_other(name) ? others_ : weights_; }
  std::string own(const std::string& name) const { return is_other(name) ? name.substr(prefix_.size()) : name; }

  Weights weights_, others_;
  std::string prefix_;
};

}  // namespace

Weights joined_weights(const Weights& weights, const std::string& name, const Weights& others) {
  return Weights(std::make_shared<JoinedWeights>(weights, name, others));
}

}  // namespace svg
