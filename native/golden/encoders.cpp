// Runners of the encoders that add their positions: all their tokens for an image that is normalised already.
#include "golden/encoders.h"

#include "io/model_config.h"
#include "models/encoders/dinov2.h"
#include "models/encoders/mae.h"
#include "models/encoders/siglip2.h"

namespace svg {
namespace {

/// Dimensions from the case's config, or from the weights and the config.json beside them where it says "infer".
template <typename FromJson, typename Infer, typename Build>
void run(GoldenCase& golden, FromJson from_json, Infer infer, Build build) {
  const Weights weights = golden.weights();
  const bool told = golden.config().is_string() && golden.config().as_string() == "infer";
  const std::unique_ptr<Vit> model =
      build(weights, told ? infer(weights, read_model_config(golden.folder()), 0) : from_json(golden.config()));
  const at::Tensor tokens = model->tokens(golden.input("image"));
  const int64_t registers = model->config().registers, prefix = model->prefix_tokens();
  for (const std::string& name : golden.output_names()) {
    if (name == "tokens") {
      golden.expect(name, tokens);
    } else if (name == "patch_tokens") {
      golden.expect(name, tokens.slice(1, prefix));
    } else if (name == "cls_token" && prefix > registers) {
      golden.expect(name, tokens.select(1, 0));
    } else if (name == "register_tokens" || name == "storage_tokens") {
      golden.expect(name, tokens.slice(1, prefix - registers, prefix));
    } else {
      golden.fail("output \"" + name + "\" is none that the module gives");
    }
  }
}

}  // namespace

void run_dinov2(GoldenCase& golden) { run(golden, dinov2::from_json, dinov2::infer, dinov2::build); }
void run_siglip2(GoldenCase& golden) { run(golden, siglip2::from_json, siglip2::infer, siglip2::build); }
void run_mae(GoldenCase& golden) { run(golden, mae::from_json, mae::infer, mae::build); }

}  // namespace svg
