// What a training step holds of a velocity model between its forward and its backward pass, counted from dimensions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace svg {

struct BlockMemory {
  std::string name;   // as the model gives it to its BlockRunner
  int64_t kept = 0;   // bytes that the gradients of all that it computes need
  int64_t input = 0;  // bytes that are kept where the block is run again
};

struct TrainingMemory {
  std::vector<BlockMemory> blocks;  // in the order of the forward pass
  int64_t rest = 0;                 // outside of the blocks
};

}  // namespace svg
