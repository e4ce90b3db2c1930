#include "golden/rae_dit.h"

#include <c10/core/GradMode.h>

#include "core/error.h"
#include "models/autoguided.h"
#include "models/guided_pictures.h"
#include "models/rae_dit/rae_dit.h"

namespace svg {
namespace {

/// The case's numbers are in RAE's clock (1 = noise) and of RAE's velocity, noise - data; ours run the other way.
class RaeClock {
 public:
  RaeClock(const VelocityModel& model, const GoldenCase& golden, const Guidance& guidance) {
    std::vector<GuidedItem> items;
    const at::Tensor labels = golden.input("label");
    for (int64_t i = 0; i < labels.numel(); ++i) {
      const at::Tensor none = at::full({1}, model.condition().classes, labels.options());
      const at::Tensor latent = golden.input("noise")[i];
      items.push_back(
          {model.prepared(labels[i].view({1})), model.prepared(none), {latent.size(1), latent.size(2)}, guidance});
    }
    pictures_ = std::make_unique<GuidedPictures>(model, items);
  }

  at::Tensor velocity(const at::Tensor& x, double t) {
    SolverTime when;
    when.t = 1 - t;
    return -at::stack(pictures_->velocity(x.unbind(0), when));
  }

 private:
  std::unique_ptr<GuidedPictures> pictures_;
};

Guidance rae_guidance(const Json& guidance, const char* scale) {
  Guidance result;
  result.mode = GuidanceMode::kStandard;
  result.scale = scale ? guidance.at(scale).as_double() : 1;
  if (const Json* interval = guidance.find("interval")) {
    constexpr double kBothEnds = 1e-6;  // RAE's interval includes them; fp32 times may be a rounding off
    result.from = 1 - interval->as_array().at(1).as_double() - kBothEnds;
    result.until = 1 - interval->as_array().at(0).as_double() + kBothEnds;
  }
  return result;
}

/// The states on the grid, the noise first.
at::Tensor euler_states(const GoldenCase& golden, RaeClock model) {
  const at::Tensor grid = golden.input("grid").to(at::kCPU, at::kFloat);
  at::Tensor x = golden.input("noise");
  std::vector<at::Tensor> states = {x};
  for (int64_t i = 0; i + 1 < grid.numel(); ++i) {
    const float t = grid[i].item<float>(), next = grid[i + 1].item<float>();
    x = x + (next - t) * model.velocity(x, t);
    states.push_back(x);
  }
  return at::stack(states);
}

}  // namespace

void run_rae_dit(GoldenCase& golden) {
  c10::NoGradGuard no_grad;
  const Weights weights = golden.weights();
  const auto built = [&](const char* part, const char* config_key) {
    return std::make_unique<RaeDit>(weights.scope(part),
                                    RaeDitConfig::infer(weights.scope(part), golden.spec().at(config_key)));
  };
  const auto strong = built("strong", "config"), weak = built("weak", "weak_config");
  const Autoguided autoguided(built("strong", "config"), built("weak", "weak_config"));
  const Json& guidance = golden.spec().at("sampler").at("guidance");
  const at::Tensor x = golden.input("noise"), t = golden.input("t"), labels = golden.input("label");
  const at::Tensor none = at::full_like(labels, strong->config().classes);
  const at::Tensor plain = (*strong)(x, t, labels), null = (*strong)(x, t, none), other = (*weak)(x, t, labels);
  golden.expect("velocity.plain", plain);
  golden.expect("velocity.null", null);
  golden.expect("velocity.weak", other);
  const Guidance cfg = rae_guidance(guidance, "cfg_scale"), autog = rae_guidance(guidance, "autoguidance_scale");
  std::vector<at::Tensor> with_null, with_weak;
  for (int64_t i = 0; i < t.numel(); ++i) {
    const double ours = 1 - t[i].item<double>();
    with_null.push_back(cfg.active(ours) ? guided_velocity(plain[i], null[i], cfg) : plain[i]);
    with_weak.push_back(autog.active(ours) ? guided_velocity(plain[i], other[i], autog) : plain[i]);
  }
  golden.expect("velocity.cfg", at::stack(with_null));
  golden.expect("velocity.autoguided", at::stack(with_weak));
  golden.expect("sample.plain", euler_states(golden, RaeClock(*strong, golden, rae_guidance(guidance, nullptr))));
  golden.expect("sample.cfg", euler_states(golden, RaeClock(*strong, golden, cfg)));
  golden.expect("sample.autoguided", euler_states(golden, RaeClock(autoguided, golden, autog)));
}

}  // namespace svg
