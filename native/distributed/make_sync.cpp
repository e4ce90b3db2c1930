#include "distributed/make_sync.h"

#include "distributed/gradient_reducer.h"

namespace svg {
namespace {

class AloneSync : public ParameterSync {
 public:
  void begin_backward(bool) override {}
  void end_backward() override {}
  void finish() override {}
  void discard() override {}
  bool owns(const std::string&) const override { return true; }
  bool saves(const std::string&) const override { return true; }
  using ParameterSync::sum;
  at::Tensor sum(const at::Tensor& values) override { return values; }
  at::Tensor global_norm(const at::Tensor& owned_norm) override { return owned_norm; }
  void after_step() override {}
  TensorMap gather(const TensorMap& owned) override { return owned; }
};

}  // namespace

std::unique_ptr<ParameterSync> make_parameter_sync(ProcessGroup* group, const TensorMap& parameters,
                                                   const TensorMap& leaves, const std::vector<std::string>& order,
                                                   const SyncOptions& options) {
  if (!group || group->backend() == "none") return std::make_unique<AloneSync>();
  return std::make_unique<GradientReducer>(*group, parameters, leaves, order, options);
}

}  // namespace svg
