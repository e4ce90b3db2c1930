#include <cmath>

#include "golden/dit.h"
#include "golden/dit_inputs.h"
#include "models/next_dit/next_dit.h"
#include "train/dit_step.h"
#include "train/gradients.h"

namespace svg {
namespace {

DitTrainerOptions options_of(const Json& spec) {
  DitTrainerOptions options;
  if (const Json* optimizer = spec.find("optimizer")) {
    options.optimizer.lr = optimizer->get_double("lr", options.optimizer.lr);
    options.optimizer.eps = optimizer->get_double("eps", options.optimizer.eps);
    options.optimizer.weight_decay = optimizer->get_double("weight_decay", options.optimizer.weight_decay);
    options.grad_clip = optimizer->get_double("grad_clip", options.grad_clip);
    if (const Json* betas = optimizer->find("betas")) {
      options.optimizer.beta1 = betas->as_array().at(0).as_double();
      options.optimizer.beta2 = betas->as_array().at(1).as_double();
    }
  }
  options.ema.decay = spec.get_double("ema_decay", options.ema.decay);
  return options;
}

/// |got - want| / |want - start|, norms over all parameters together.
double update_error(const TensorMap& got, const TensorMap& start, const GoldenCase& golden, const std::string& prefix) {
  double difference = 0;
  double update = 0;
  for (const auto& [name, value] : got) {
    const auto want = golden.io().find("out." + prefix + name);
    if (want == golden.io().end()) continue;
    const at::Tensor wide = want->second.to(at::kDouble);
    difference += (value.detach().to(at::kCPU, at::kDouble) - wide).square().sum().item<double>();
    update += (wide - start.at(name).to(at::kDouble)).square().sum().item<double>();
  }
  return difference == 0 ? 0 : std::sqrt(difference / update);
}

/// Notes of the cases call grad.* unclipped, but the stored ones have been clipped in place: their common
/// norm is the bound. Cases of either kind are taken, told apart by that norm.
double gradient_factor(const GoldenCase& golden, double norm, double clip) {
  if (clip <= 0 || norm <= clip) return 1;
  double stored = 0;
  for (const auto& [name, tensor] : golden.io()) {
    if (name.rfind("out.grad.", 0) == 0) stored += tensor.to(at::kDouble).square().sum().item<double>();
  }
  const bool clipped = std::abs(std::sqrt(stored) - clip) < 1e-3 * clip;
  return clipped ? clip / (norm + 1e-6) : 1;
}

void expect_gradients(GoldenCase& golden, const DitTrainer& trainer, double clip) {
  const double factor = gradient_factor(golden, gradient_norm(trainer.gradients()).item<double>(), clip);
  for (const auto& [name, gradient] : trainer.gradients()) {
    const auto want = golden.io().find("out.grad." + name);
    if (want == golden.io().end()) continue;
    golden.expect_close("grad." + name, gradient * factor, want->second, golden.atol(), golden.rtol());
  }
}

}  // namespace

void run_dit_trainer(GoldenCase& golden) {
  const TensorMap start = golden.weight_map();
  const Weights weights = golden.weights();
  const NextDitConfig config = NextDitConfig::infer(weights, golden.config());
  const DitTrainerOptions options = options_of(golden.spec());
  const auto build = [&](const Weights& trained) { return std::make_unique<NextDit>(trained, config); };
  DitTrainer trainer(build, start, options, at::detail::createCPUGenerator(0), golden.device());
  const int64_t steps = golden.spec().get_int("steps", 1);
  std::vector<double> losses, norms;
  for (int64_t step = 0; step < steps; ++step) {
    const std::string prefix = std::to_string(step) + ".";
    DitBatch batch;
    batch.data = golden_tensors(golden, prefix + "data");
    batch.noise = golden_tensors(golden, prefix + "noise");
    batch.t = golden.input(prefix + "t");
    batch.conditions = golden_captions(golden, prefix);
    losses.push_back(trainer.accumulate(batch).mean().item<double>());
    if (step == 0) expect_gradients(golden, trainer, options.grad_clip);
    norms.push_back(trainer.apply().grad_norm());
  }
  golden.expect("loss", at::tensor(losses, at::kDouble));
  golden.expect("grad_norm", at::tensor(norms, at::kDouble));
  const double bound = golden.spec().at("tolerance").get_double("update_rel", 2e-3);
  golden.expect_at_most("param", update_error(trainer.parameters(), start, golden, "param."), bound);
  golden.expect_at_most("ema", update_error(trainer.ema(), start, golden, "ema."), bound);
  for (const std::string& name : golden.output_names()) {
    const bool parameter = name.rfind("param.", 0) == 0;
    if (parameter && !trainer.parameters().count(name.substr(6)))
      golden.fail("no parameter \"" + name.substr(6) + "\"");
    if (name.rfind("grad.", 0) == 0 && !start.count(name.substr(5))) golden.fail("no gradient \"" + name + "\"");
  }
}

}  // namespace svg
