// Weights that are names and shapes alone, for models that no test could hold.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/weights.h"

namespace svg::test {

/// Knows what stands in `shapes`; a model that is built over it takes parameters without memory, and leaves the names
/// and shapes that it asked for.
class ShapesOnly : public WeightSource {
 public:
  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init, Role) override {
    shapes[name] = shape.vec();
    return at::empty(shape, at::device(at::kMeta));
  }
  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override {
    const auto found = shapes.find(name);
    return found == shapes.end() ? std::nullopt : std::optional(found->second);
  }
  std::string description() const override { return "shapes"; }

  std::map<std::string, std::vector<int64_t>> shapes;
};

}  // namespace svg::test
