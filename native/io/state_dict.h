// Finds the state dict in what a pickle built, and turns the rest into plain JSON.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "io/pickle.h"
#include "io/torch_objects.h"

namespace svg {

struct StateDict {
  std::vector<std::string> root;          // keys that lead to it, e.g. {"state_dict"}
  std::map<std::string, size_t> tensors;  // dotted name -> index into TorchObjects::tensors
};

/// Follows `root`, or where it is absent the wrappers of training tools ("ema" before "state_dict" before "model") for
/// as long as they hold tensors. Nested dicts and lists below are joined by dots.
/// Throws Error(kFileFormat) for a root that is not there or names that collide, kUnsafeFile for values that
/// unfold beyond the size of the file.
StateDict find_state_dict(const PickleHeap& heap, PickleRef value, const std::optional<std::vector<std::string>>& root);

struct PlainValues {
  std::string skip;                // a member of the outermost dict to leave out
  bool leave_out_tensors = false;  // and containers that hold nothing else
};

/// Plain values of a pickle. Tensors become "tensor float32 [3, 4]"; objects the dict of their attributes. Large or
/// deep values end in "...".
Json pickle_to_json(const PickleHeap& heap, PickleRef value, const std::vector<TorchTensor>& tensors,
                    const PlainValues& options);

}  // namespace svg
