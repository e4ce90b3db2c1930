#include "ops/block_runner.h"

#include "ops/recompute.h"

namespace svg {
namespace {

struct PlainBlocks : BlockRunner {
  at::Tensor run(const std::string&, const Body& body, const std::vector<at::Tensor>& inputs) const override {
    return body(inputs);
  }
};

struct RecomputedBlocks : BlockRunner {
  at::Tensor run(const std::string&, const Body& body, const std::vector<at::Tensor>& inputs) const override {
    return recomputed(body, inputs);
  }
};

struct SomeRecomputedBlocks : BlockRunner {
  explicit SomeRecomputedBlocks(std::set<std::string> names) : names(std::move(names)) {}
  at::Tensor run(const std::string& name, const Body& body, const std::vector<at::Tensor>& inputs) const override {
    return names.contains(name) ? recomputed(body, inputs) : body(inputs);
  }
  std::set<std::string> names;
};

}  // namespace

std::shared_ptr<const BlockRunner> plain_blocks() {
  static const auto runner = std::make_shared<const PlainBlocks>();
  return runner;
}

std::shared_ptr<const BlockRunner> recomputed_blocks() {
  static const auto runner = std::make_shared<const RecomputedBlocks>();
  return runner;
}

std::shared_ptr<const BlockRunner> recomputed_blocks(std::set<std::string> names) {
  return std::make_shared<const SomeRecomputedBlocks>(std::move(names));
}

}  // namespace svg
