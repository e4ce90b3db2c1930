#include "ops/step_graph.h"

namespace svg {
namespace {

class RepeatedStep : public StepGraph {
 public:
  explicit RepeatedStep(std::function<void()> body) : body_(std::move(body)) {}
  void replay() override { body_(); }

 private:
  std::function<void()> body_;
};

}  // namespace

std::unique_ptr<StepGraph> repeated_step(at::Device, std::function<void()> body) {
  body();
  return std::make_unique<RepeatedStep>(std::move(body));
}

}  // namespace svg
