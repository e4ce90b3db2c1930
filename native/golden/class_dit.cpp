#include "models/class_dit/class_dit.h"

#include <c10/core/GradMode.h>

#include <cmath>

#include "diffusion/sampler.h"
#include "golden/dit.h"
#include "models/guided_pictures.h"

namespace svg {
namespace {

/// As SVG's own loop samples: `steps` intervals of a uniform grid, moved by s t / (1 + (s - 1) t); none where s <= 0.
at::Tensor sample_class_dit(const GoldenCase& golden, const ClassDit& model, const Json& sampler) {
  const at::Tensor labels = golden.input("labels").flatten();
  const at::Tensor noise = golden.input("latent").transpose(1, 2).unflatten(2, {model.config().side, -1});
  Guidance guidance;
  guidance.mode = GuidanceMode::kStandard;
  guidance.scale = sampler.get_double("guidance", 1);
  guidance.schedule = GuidanceSchedule::parse(sampler.get_string("schedule", "constant"));
  const at::Tensor null_class = at::full({1}, model.config().num_classes, at::kLong);
  std::vector<GuidedItem> items;
  for (const at::Tensor& label : labels.unbind(0)) {
    items.push_back({label.reshape({1}), null_class, {noise.size(2), noise.size(3)}, guidance});
  }
  const GuidedPictures pictures(model, items);

  SamplerOptions options;
  options.name = sampler.get_string("method", "euler");
  const int64_t steps = sampler.at("steps").as_int();
  const double shift = sampler.get_double("shift", 0);
  options.steps = steps + 1;  // points of the grid
  options.shift = shift > 0 ? 1 / shift : 1;
  const at::Tensor result = sample(options, noise, [&](const at::Tensor& x, const SolverTime& when) {
    return at::stack(pictures.velocity(x.unbind(0), when));
  });
  return result.flatten(2).transpose(1, 2);
}

}  // namespace

void run_svg_dit(GoldenCase& golden) {
  c10::NoGradGuard no_grad;
  const Weights weights = golden.weights();
  const ClassDit model(weights, ClassDitConfig::infer(weights, golden.config()));
  refuse_unknown_tensors(weights, "a class-conditional SVG", [](const std::string&) { return false; });
  const at::Tensor latent = golden.input("latent");
  for (const std::string& name : golden.output_names()) {
    if (name == "output") {
      const auto side = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(latent.size(1)))));
      golden.expect(name, model(latent, {side, side}, golden.input("t"), golden.input("labels")));
    } else if (name == "sample") {
      golden.expect(name, sample_class_dit(golden, model, golden.spec().at("sampler")));
    } else {
      golden.fail("unknown output \"" + name + "\"");
    }
  }
}

}  // namespace svg
