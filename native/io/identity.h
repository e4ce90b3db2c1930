// What a file of weights is.
#pragma once

#include <string>

namespace svg {

struct Identity {
  /// A kind of model (models/catalogue.h), "feature-statistics", "optimizer", "values" or "unknown"; of other libraries
  /// "diffusers", "adapter", "timm", "quantized", "distributed-piece".
  std::string kind;
  /// For people: "NextDiT 2B (2,611,246,336 parameters)".
  std::string description;
  /// What to do with a file that cannot be loaded as it is; empty for others.
  std::string way_out = {};
};

}  // namespace svg
