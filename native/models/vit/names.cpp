#include "models/vit/names.h"

#include <memory>
#include <utility>

#include "core/error.h"

namespace svg {
namespace {

class RenamedVit : public WeightSource {
 public:
  RenamedVit(Weights inner, VitNames stored, VitNames wanted)
      : inner_(std::move(inner)), stored_(std::move(stored)), wanted_(std::move(wanted)) {}

  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override {
    const std::vector<std::string> names = stored_names(name);
    if (names.empty()) return {};
    if (names.size() == 1) return inner_.get_optional(names.front(), shape, init, role);
    std::vector<int64_t> part = shape.vec();
    part.at(0) /= static_cast<int64_t>(names.size());
    std::vector<at::Tensor> parts;
    at::Tensor any;
    for (const std::string& stored : names) {
      parts.push_back(inner_.get_optional(stored, part, init, role));
      if (parts.back().defined()) any = parts.back();
    }
    if (!any.defined()) return {};
    for (at::Tensor& each : parts) {
      if (!each.defined()) each = at::zeros_like(any);
    }
    return at::cat(parts, 0);
  }

  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override {
    const std::vector<std::string> names = stored_names(name);
    for (const std::string& stored : names) {
      auto shape = inner_.shape_of(stored);
      if (!shape || shape->empty()) continue;
      shape->at(0) *= static_cast<int64_t>(names.size());
      return shape;
    }
    return std::nullopt;
  }

  std::string description() const override { return inner_.description(); }
  std::vector<std::string> unused() const override { return inner_.unused(); }

 private:
  using Renaming = std::pair<std::string, std::vector<std::string>>;

  /// What `name` is stored as, in the order in which it is joined; empty: the model has no such tensor.
  static std::vector<std::string> renamed(const std::string& name, const std::vector<Renaming>& all) {
    for (const auto& [wanted, stored] : all) {
      if (wanted.empty() || !name.starts_with(wanted)) continue;
      const std::string rest = name.substr(wanted.size());  // ".weight", ".bias" or nothing
      if (!rest.empty() && rest.front() != '.') continue;
      std::vector<std::string> names;
      for (const std::string& part : stored) {
        if (!part.empty()) names.push_back(part + rest);
      }
      return names;
    }
    return {};
  }

  std::vector<std::string> stored_names(const std::string& name) const {
    const std::string blocks = wanted_.blocks + "." + wanted_.before_number;
    const size_t dot = name.starts_with(blocks) ? name.find('.', blocks.size()) : std::string::npos;
    if (dot == std::string::npos) {
      return renamed(name, {{wanted_.patches, {stored_.patches}},
                            {wanted_.class_token, {stored_.class_token}},
                            {wanted_.registers, {stored_.registers}},
                            {wanted_.positions, {stored_.positions}},
                            {wanted_.norm, {stored_.norm}}});
    }
    const VitBlockNames &from = wanted_.block, &to = stored_.block;
    std::vector<std::string> names = renamed(name.substr(dot + 1), {{from.norm1, {to.norm1}},
                                                                    {from.norm2, {to.norm2}},
                                                                    {from.qkv.front(), to.qkv},
                                                                    {from.proj, {to.proj}},
                                                                    {from.fc1, {to.fc1}},
                                                                    {from.fc2, {to.fc2}},
                                                                    {from.gate_up.front(), to.gate_up},
                                                                    {from.down, {to.down}},
                                                                    {from.scale1, {to.scale1}},
                                                                    {from.scale2, {to.scale2}}});
    const std::string number = name.substr(blocks.size(), dot - blocks.size());
    for (std::string& each : names) each = concat(stored_.blocks, ".", stored_.before_number, number, ".", each);
    return names;
  }

  Weights inner_;
  VitNames stored_, wanted_;
};

}  // namespace

Weights under_vit_names(const Weights& weights, const VitNames& stored, const VitNames& wanted) {
  return Weights(std::make_shared<RenamedVit>(weights, stored, wanted));
}

}  // namespace svg
