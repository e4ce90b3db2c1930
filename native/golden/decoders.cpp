#include "golden/decoders.h"

#include <c10/core/GradMode.h>

#include "models/decoders/hunyuan.h"

namespace svg {

void run_hunyuan_decoder(GoldenCase& golden) {
  c10::NoGradGuard no_grad;
  const Weights weights = golden.weights();
  const HunyuanDecoderConfig config = HunyuanDecoderConfig::from_json(golden.config());
  const HunyuanDecoderConfig told = HunyuanDecoderConfig::infer(weights);
  if (!told.same_network(config)) golden.fail("the weights are read as " + told.describe());
  golden.expect("image", HunyuanDecoder(weights, config).decode(golden.input("latent")));
}

}  // namespace svg
