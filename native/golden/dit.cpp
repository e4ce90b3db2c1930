#include "golden/dit.h"

#include <c10/core/GradMode.h>

#include "core/error.h"
#include "golden/dit_inputs.h"
#include "models/guided_pictures.h"
#include "models/next_dit/next_dit.h"

namespace svg {
namespace {

void expect_list(GoldenCase& golden, const std::string& name, const std::vector<at::Tensor>& got) {
  const auto names = golden.output_names();
  if (std::find(names.begin(), names.end(), name) != names.end()) {
    golden.expect(name, at::stack(got, 0));
    return;
  }
  for (size_t i = 0; i < got.size(); ++i) golden.expect(name + "." + std::to_string(i), got[i]);
}

Guidance guidance_of(const Json& json) {
  Guidance guidance;
  guidance.scale = json.get_double("scale", guidance.scale);
  guidance.mode = guidance_mode(json.get_string("mode", "renorm"));
  guidance.renorm = json.get_double("renorm", guidance.renorm);
  // The original's standard mode knows no truncation.
  if (guidance.mode == GuidanceMode::kRenorm) guidance.until = json.get_double("truncation", guidance.until);
  return guidance;
}

std::vector<at::Tensor> guided(const GoldenCase& golden, const NextDit& model, const std::vector<at::Tensor>& latents) {
  const auto captions = golden_captions(golden, "");
  const size_t count = captions.size() / 2;
  SVG_CHECK(captions.size() % 2 == 0 && latents.size() >= count, ErrorCode::kInvalidArgument, captions.size(),
            " captions for ", latents.size(), " latents");
  std::vector<GuidedItem> items;
  const Guidance guidance = guidance_of(golden.spec().at("guidance"));
  for (size_t i = 0; i < count; ++i) {
    items.push_back({model.encode_caption(captions[i]),
                     model.encode_caption(captions[count + i]),
                     {latents[i].size(1), latents[i].size(2)},
                     guidance});
  }
  const double t = golden.input("t").flatten()[0].to(at::kDouble).item<double>();
  const GuidedPictures pictures(model, items, {t});
  return pictures.velocity({latents.begin(), latents.begin() + static_cast<int64_t>(count)}, {.t = t});
}

}  // namespace

void run_next_dit(GoldenCase& golden) {
  c10::NoGradGuard no_grad;
  const Weights weights = golden.weights();
  const NextDit model(weights, NextDitConfig::infer(weights, golden.config()));
  const auto latents = golden_tensors(golden, "latent");
  const std::string call = golden.spec().get_string("call", "forward");
  if (call == "guidedVelocity") {
    expect_list(golden, "velocity", guided(golden, model, latents));
  } else if (call == "forward") {
    const at::Tensor t = golden.input("t").flatten().expand({static_cast<int64_t>(latents.size())});
    expect_list(golden, "velocity", model.forward(latents, t, golden_captions(golden, "")));
  } else {
    golden.fail("unknown call \"" + call + "\"");
  }
}

}  // namespace svg
