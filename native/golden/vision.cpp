// Runners of the encoders, the decoder and the losses' networks.
#include "golden/vision.h"

#include <algorithm>

#include "io/model_config.h"
#include "models/autoencoder.h"
#include "models/catalogue.h"
#include "models/decoders/conv_decoder.h"
#include "models/encoders/dinov3.h"
#include "models/lpips.h"
#include "models/patch_discriminator.h"
#include "models/residual/torchvision.h"
#include "models/residual_vit.h"

namespace svg {
namespace {

/// Compares those of `results` that the case holds, and complains of outputs that none of them is.
void expect_all(GoldenCase& golden, const TensorMap& results) {
  for (const std::string& name : golden.output_names()) {
    const auto found = results.find(name);
    if (found == results.end()) {
      golden.fail("output \"" + name + "\" is none that the module gives");
    } else {
      golden.expect(name, found->second);
    }
  }
}

}  // namespace

void run_dinov3(GoldenCase& golden) {
  const Weights weights = golden.weights();
  const bool infer = golden.config().is_string() && golden.config().as_string() == "infer";
  const Dinov3 model(weights, infer ? Dinov3Config::infer(weights, read_model_config(golden.folder()))
                                    : Dinov3Config::from_json(golden.config()));
  const Dinov3Features features = model(golden.input("image"));
  expect_all(golden,
             {{"cls_token", features.cls}, {"storage_tokens", features.storage}, {"patch_tokens", features.patches}});
}

void run_residual_vit(GoldenCase& golden) {
  const Weights weights = golden.weights();
  const ResidualKind* kind = recognise_residual(weights);
  if (kind && kind->name == "torchvision") {
    const TorchvisionResidual model(kind->under_own_names(weights),
                                    TorchvisionResidualConfig::from_json(golden.config()));
    return expect_all(golden, {{"features", model(golden.input("image"))}});
  }
  const ResidualVit model(weights, ResidualVitConfig::from_json(golden.config()));
  expect_all(golden, {{"features", model(golden.input("image"))}});
}

void run_conv_decoder(GoldenCase& golden) {
  const ConvDecoder model(golden.weights(), ConvDecoderConfig::from_json(golden.config()));
  expect_all(golden, {{"image", model(golden.input("latent"))}});
}

void run_autoencoder(GoldenCase& golden) {
  Json config = golden.config();
  // Cases were made when there was one kind of decoder.
  if (const Json* widths = config.find("decoder"); widths && widths->find("block_out_channels")) {
    Json decoder = *widths;
    config.set("decoder", decoder.set("kind", "hunyuan"));
  }
  const AutoencoderFiles files{golden.weights()};
  const Autoencoder model(files, AutoencoderConfig::from_json(config, files.checkpoint));
  const at::Tensor latent =
      golden.has_input("latent") ? golden.input("latent") : model.encode(golden.input("image"), AlignOver::kBatch);
  expect_all(golden, {{"latent", latent}, {"reconstruction", model.decode(latent)}});
}

void run_lpips(GoldenCase& golden) {
  const Lpips model(golden.weights());
  expect_all(golden, {{"distance", model(golden.input("a"), golden.input("b"))}});
}

void run_patch_discriminator(GoldenCase& golden) {
  const Weights weights = golden.weights();
  const PatchDiscriminator model(weights, PatchDiscriminatorConfig::infer(weights));
  const at::Tensor image = golden.input("image");
  TensorMap results = {{"logits_train", model(image, /*training=*/true)}};
  results["logits_eval"] = model(image, /*training=*/false);
  for (const auto& [name, value] : model.running_statistics()) results["running." + name] = value;
  expect_all(golden, results);
}

}  // namespace svg
