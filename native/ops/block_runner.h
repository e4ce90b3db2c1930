// How the blocks of a model are run: as they are, or so that a training step needs less memory. A model sends each of
// its blocks through the runner it was given and knows no more of it.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace svg {

class BlockRunner {
 public:
  /// A block: the same inputs give the same result each time, and what changes from call to call is among them.
  using Body = std::function<at::Tensor(const std::vector<at::Tensor>& inputs)>;

  virtual ~BlockRunner() = default;

  /// body(inputs). `name` is that of the block's weights, "layers.3": a runner that brings the weights in for the
  /// block's time, from other ranks or from the host, finds them by it. Called in the order of the forward pass.
  virtual at::Tensor run(const std::string& name, const Body& body, const std::vector<at::Tensor>& inputs) const = 0;
};

/// Calls the body.
std::shared_ptr<const BlockRunner> plain_blocks();

/// Keeps a block's inputs alone, and runs it again in the backward pass (ops/recompute.h).
std::shared_ptr<const BlockRunner> recomputed_blocks();
/// The blocks of these names; the others keep what they compute.
std::shared_ptr<const BlockRunner> recomputed_blocks(std::set<std::string> names);

}  // namespace svg
