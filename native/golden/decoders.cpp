#include "golden/decoders.h"

#include <c10/core/GradMode.h>

#include "core/error.h"
#include "models/decoders/hunyuan.h"
#include "models/decoders/rae.h"

namespace svg {
namespace {

bool golden_wants(const GoldenCase& golden, const std::string& name) { return golden.io().count("out." + name) != 0; }

/// RAE's own layout: the statistics are among the inputs, the decoder's tensors without a prefix.
void run_rae_of_the_original(GoldenCase& golden) {
  const Weights weights = golden.weights();
  RaeDecoderConfig config = RaeDecoderConfig::infer(weights);
  const Json& dimensions = golden.config().at("decoder");
  config.num_heads = dimensions.get_int("decoder_num_attention_heads", config.num_heads);
  config.norm_eps = dimensions.get_double("layer_norm_eps", config.norm_eps);
  config.activation = dimensions.get_string("hidden_act", config.activation);
  config.latent_eps = golden.config().get_double("latent_eps", config.latent_eps);
  TensorMap stored;
  for (const char* name : {"mean", "var"}) {
    if (golden.has_input(concat("stat.", name))) stored[name] = golden.input(concat("stat.", name));
  }
  const Weights statistics(std::make_shared<MapSource>(stored, golden.folder(), golden.device()));
  const RaeDecoder decoder(weights, config,
                           RaeStatistics::of_variance(statistics, config.latent_channels, config.latent_eps));
  golden.expect("pixels", decoder.pixels(golden.input("latent")));
  golden.expect("reconstruction", decoder.pixels(golden.output("latent").to(golden.device())));
}

void run_rae_of_diffusers(GoldenCase& golden) {
  const Weights weights = golden.weights();
  RaeDecoderConfig config = RaeDecoderConfig::from_json(golden.config().at("diffusers_config"));
  const auto decoder = [&](bool eps_twice, bool positions_of_16) {
    config.eps_twice = eps_twice;
    config.positions_of_16 = positions_of_16;
    return RaeDecoder(weights.scope("decoder"), config, RaeStatistics::of_deviation(weights, config.latent_channels));
  };
  const at::Tensor latent = golden.input("latent");
  golden.expect("pixels", decoder(true, true).pixels(latent));
  golden.expect("reconstruction", decoder(true, true).pixels(golden.output("latent").to(golden.device())));
  if (golden_wants(golden, "pixels.once")) golden.expect("pixels.once", decoder(false, true).pixels(latent));
  if (golden_wants(golden, "pixels.original")) golden.expect("pixels.original", decoder(false, false).pixels(latent));
}

}  // namespace

void run_hunyuan_decoder(GoldenCase& golden) {
  c10::NoGradGuard no_grad;
  const Weights weights = golden.weights();
  const HunyuanDecoderConfig config = HunyuanDecoderConfig::from_json(golden.config());
  const HunyuanDecoderConfig told = HunyuanDecoderConfig::infer(weights);
  if (!told.same_network(config)) golden.fail("the weights are read as " + told.describe());
  golden.expect("image", HunyuanDecoder(weights, config).decode(golden.input("latent")));
}

void run_rae_decoder(GoldenCase& golden) {
  c10::NoGradGuard no_grad;
  if (golden.config().get_string("layout", "original") == "diffusers") return run_rae_of_diffusers(golden);
  run_rae_of_the_original(golden);
}

}  // namespace svg
