#include "golden/decoders.h"

#include <c10/core/GradMode.h>

#include "core/error.h"
#include "models/autoencoder.h"
#include "models/decoders/hunyuan.h"
#include "models/joined_weights.h"

namespace svg {
namespace {

bool golden_wants(const GoldenCase& golden, const std::string& name) { return golden.io().count("out." + name) != 0; }

/// As the engine loads it: latents of pictures that are 0..1 in the case, at the encoder's size or another.
at::Tensor rae_latent(const Autoencoder& model, const at::Tensor& image, const Cells& cells) {
  SVG_CHECK(model.encoder(), ErrorCode::kWeightsMismatch, "no encoder is known of the names below \"encoder.\"");
  return model.decoder().latent(model.encoder()->features(image * 2 - 1, cells));
}

at::Tensor rae_pixels(const Autoencoder& model, const at::Tensor& latent) { return (model.decode(latent) + 1) / 2; }

Cells cells_of(const at::Tensor& latent) { return {latent.size(2), latent.size(3)}; }

/// RAE's own layout: the statistics are among the inputs, the decoder's tensors without a prefix.
void run_rae_of_the_original(GoldenCase& golden) {
  TensorMap stored;
  for (const char* name : {"mean", "var"}) {
    if (golden.has_input(concat("stat.", name))) stored[name] = golden.input(concat("stat.", name));
  }
  const Weights statistics(std::make_shared<MapSource>(stored, golden.folder(), golden.device()));
  AutoencoderFiles files{joined_weights(golden.weights(), "statistics", statistics)};
  files.encoder = files.checkpoint.scope("encoder");
  files.beside_encoder = [&] {
    Json config = golden.config().at("encoder");
    return config.find("num_register_tokens") ? config.set("model_type", "dinov2_with_registers") : config;
  };
  Json said = golden.config().at("decoder");
  said.set("kind", "rae");
  for (const char* key : {"latent_eps", "image_mean", "image_std"}) {
    if (const Json* value = golden.config().find(key)) said.set(key, *value);
  }
  const Autoencoder model(files, AutoencoderConfig::infer(files, Json::object().set("decoder", said)));
  const at::Tensor latent = golden.output("latent").to(golden.device());
  for (const char* name : {"", "_odd"}) {
    if (!golden.has_input(concat("image", name))) continue;
    const at::Tensor image = golden.input(concat("image", name));
    golden.expect(concat("latent", name), rae_latent(model, image, cells_of(latent)));
  }
  golden.expect("pixels", rae_pixels(model, golden.input("latent")));
  golden.expect("reconstruction", rae_pixels(model, rae_latent(model, golden.input("image"), cells_of(latent))));
}

void run_rae_of_diffusers(GoldenCase& golden) {
  const auto built = [&](bool eps_twice, bool positions_of_16) {
    AutoencoderFiles files{golden.weights()};
    files.beside_checkpoint = [&golden] { return golden.config().at("diffusers_config"); };
    Json said = Json::object().set("kind", "rae").set("eps_twice", eps_twice).set("positions_of_16", positions_of_16);
    return Autoencoder(files, AutoencoderConfig::infer(files, Json::object().set("decoder", said)));
  };
  const at::Tensor latent = golden.input("latent"), image = golden.input("image");
  const Autoencoder theirs = built(true, true), once = built(false, true);
  const at::Tensor encoded = rae_latent(theirs, image, cells_of(latent));
  golden.expect("latent", encoded);
  golden.expect("pixels", rae_pixels(theirs, latent));
  golden.expect("reconstruction", rae_pixels(theirs, encoded));
  if (golden_wants(golden, "latent.once")) {
    golden.expect("latent.once", rae_latent(once, image, cells_of(latent)));
  }
  if (golden_wants(golden, "pixels.once")) golden.expect("pixels.once", rae_pixels(once, latent));
  if (golden_wants(golden, "pixels.original")) {
    golden.expect("pixels.original", rae_pixels(built(false, false), latent));
  }
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
