// Numpy scalars in hyper-parameters and schedules: numbers, once their dtype is known.
#pragma once

#include <optional>
#include <vector>

#include "io/pickle.h"

namespace svg {

/// The number in the arguments (dtype, bytes) of numpy's scalar(); empty where dtype or bytes are of another kind.
std::optional<PickleValue> read_numpy_scalar(const PickleHeap& heap, const std::vector<PickleRef>& arguments);

}  // namespace svg
