#include "golden/dit_inputs.h"

#include "core/error.h"

namespace svg {

std::vector<at::Tensor> golden_tensors(const GoldenCase& golden, const std::string& name) {
  if (golden.has_input(name)) return golden.input(name).unbind(0);
  std::vector<at::Tensor> list;
  while (golden.has_input(name + "." + std::to_string(list.size()))) {
    list.push_back(golden.input(name + "." + std::to_string(list.size())));
  }
  return list;
}

std::vector<at::Tensor> golden_captions(const GoldenCase& golden, const std::string& prefix) {
  const at::Tensor features = golden.input(prefix + "caption_features");
  const std::string mask_name = prefix + "caption_mask";
  const at::Tensor mask = golden.has_input(mask_name)
                              ? golden.input(mask_name)
                              : at::ones({features.size(0), features.size(1)}, features.options());
  std::vector<at::Tensor> captions;
  for (int64_t i = 0; i < features.size(0); ++i) {
    const at::Tensor row = mask[i].to(at::kBool);
    const int64_t tokens = row.sum().item<int64_t>();
    SVG_CHECK(row.narrow(0, 0, tokens).all().item<bool>(), ErrorCode::kInvalidArgument, "caption ", i,
              ": valid tokens after padding");
    captions.push_back(features[i].narrow(0, 0, tokens));
  }
  return captions;
}

}  // namespace svg
