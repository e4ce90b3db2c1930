#include "golden/text.h"

#include <algorithm>

#include "models/conditioners/gemma2.h"

namespace svg {
namespace {

bool has_output(const GoldenCase& golden, const std::string& name) {
  const std::vector<std::string> names = golden.output_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Row 0 of the padded ids, without its padding.
std::vector<int64_t> first_prompt(const at::Tensor& ids, const at::Tensor& mask) {
  const at::Tensor kept = ids[0].masked_select(mask[0].to(at::kBool)).to(at::kCPU, at::kLong).contiguous();
  return {kept.const_data_ptr<int64_t>(), kept.const_data_ptr<int64_t>() + kept.numel()};
}

}  // namespace

void run_gemma2(GoldenCase& golden) {
  Json config = golden.config();
  // The cases give the layer types beside the configuration.
  if (const Json* types = golden.spec().find("layer_types")) {
    if (!config.find("layer_types")) config.set("layer_types", *types);
  }
  Gemma2 model(golden.weights(), Gemma2Config::from_json(config, golden.spec().get_bool("attention_soft_cap", false)));
  const at::Tensor ids = golden.input("input_ids");
  const at::Tensor mask = golden.has_input("attention_mask") ? golden.input("attention_mask") : at::ones_like(ids);
  if (has_output(golden, "features")) golden.expect("features", model.encode_padded(ids, mask));

  const std::vector<int64_t> prompt = first_prompt(ids, mask);
  if (has_output(golden, "next_token_logits")) {
    const at::Tensor want = golden.output("next_token_logits");
    golden.expect("next_token_logits", model.next_token_logits(prompt).view(want.sizes()));
  }
  if (has_output(golden, "generated")) {
    const at::Tensor want = golden.output("generated");
    const std::vector<int64_t> got = model.generate(prompt, golden.spec().get_int("max_new_tokens", 12));
    const at::Tensor tokens = at::tensor(got, at::kLong);
    golden.expect("generated", want.dim() == 2 ? tokens.unsqueeze(0) : tokens);
  }
}

}  // namespace svg
