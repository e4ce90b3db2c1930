// Runner of the autoencoder's training: iterations on given latents, so the encoder plays no part.
#include "golden/autoencoder_train.h"

#include <c10/core/GradMode.h>

#include <cmath>

#include "core/error.h"
#include "models/decoders/conv_decoder.h"
#include "train/autoencoder_step.h"

namespace svg {
namespace {

/// Notes the parameters that a module asks for, so that seeded cases need not list them.
class ShapeRecorder : public WeightSource {
 public:
  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init, Role) override {
    Json sizes = Json::array();
    for (const int64_t size : shape) sizes.push_back(size);
    keys_.set(name, sizes);
    return at::zeros(shape);
  }
  std::optional<std::vector<int64_t>> shape_of(const std::string&) const override { return std::nullopt; }
  std::string description() const override { return "a record of shapes"; }

  const Json& keys() const { return keys_; }

 private:
  Json keys_ = Json::object();
};

TensorMap draw(const GoldenCase& golden, const std::string& group, Json keys) {
  const Json& seeded = golden.spec().at("seeded_weights");
  const Json& part = seeded.at(group);
  if (const Json* own = part.find("keys")) keys = *own;
  std::vector<std::string> abs;
  for (const auto& [name, shape] : keys.as_object()) {
    if (part.get_bool("abs_lin", false) && name.rfind("lin", 0) == 0) abs.push_back(name);
  }
  return draw_seeded_weights(part.at("seed").as_int(), part.get_double("gain", seeded.get_double("gain", 1)), keys,
                             abs);
}

Json lpips_keys() {
  const auto recorder = std::make_shared<ShapeRecorder>();
  const Lpips model{Weights(recorder)};
  return recorder->keys();
}

Json discriminator_keys(const PatchDiscriminatorConfig& config) {
  const auto recorder = std::make_shared<ShapeRecorder>();
  const PatchDiscriminator model(Weights(recorder), config);
  Json trained = Json::object();
  for (const auto& [name, shape] : recorder->keys().as_object()) {
    if (name.find("running_") == std::string::npos) trained.set(name, shape);
  }
  return trained;
}

using Operations = ConvDecoder::Operations;

AutoencoderTrainer::Options options_of(const Json& spec, Operations operations) {
  AutoencoderTrainer::Options options;
  options.optimizer.fused = operations == Operations::kFast;
  options.loss = AutoencoderLossOptions::from_json(spec.at("loss"));
  const Json& optimizer = spec.at("optimizer");
  options.optimizer.lr = optimizer.get_double("lr", options.optimizer.lr);
  options.optimizer.eps = optimizer.get_double("eps", options.optimizer.eps);
  options.optimizer.weight_decay = optimizer.get_double("weight_decay", 0);
  if (const Json* betas = optimizer.find("betas")) {
    options.optimizer.beta1 = betas->as_array().at(0).as_double();
    options.optimizer.beta2 = betas->as_array().at(1).as_double();
  }
  return options;
}

/// |got - want| / |want - start| over all parameters together.
void expect_update(GoldenCase& golden, const TensorMap& start, const TensorMap& got) {
  double error = 0, update = 0;
  for (const auto& [name, value] : got) {
    if (golden.io().count("out.param." + name) == 0) continue;
    const at::Tensor want = golden.output("param." + name).to(at::kDouble);
    error += (value.detach().to(at::kCPU, at::kDouble) - want).square().sum().item<double>();
    update += (start.at(name).to(at::kDouble) - want).square().sum().item<double>();
  }
  if (update > 0) {
    golden.expect_at_most("update", std::sqrt(error / update),
                          golden.spec().at("tolerance").get_double("update_rel", 0.02));
  }
}

/// Sum, and sum of absolute values, over all of the discriminator's parameters.
at::Tensor checksum(const TensorMap& parameters) {
  double sum = 0, absolute = 0;
  for (const auto& [name, value] : parameters) {
    sum += value.detach().to(at::kCPU, at::kDouble).sum().item<double>();
    absolute += value.detach().to(at::kCPU, at::kDouble).abs().sum().item<double>();
  }
  return at::tensor({sum, absolute}, at::kDouble);
}

void train(GoldenCase& golden, Operations operations) {
  const Json& spec = golden.spec();
  const TensorMap start = golden.weight_map();
  const at::Generator generator = at::detail::createCPUGenerator(0);
  const auto decoder_source = std::make_shared<TrainableSource>(start, generator, golden.device());
  const ConvDecoder decoder(Weights(decoder_source).scope("decoder"),
                            ConvDecoderConfig::from_json(golden.config().at("decoder")), operations);
  PatchDiscriminatorConfig patch;
  patch.n_layers = spec.at("loss").get_int("disc_num_layers", patch.n_layers);
  patch.ndf = spec.at("loss").get_int("disc_ndf", patch.ndf);
  const auto patch_source = std::make_shared<TrainableSource>(draw(golden, "discriminator", discriminator_keys(patch)),
                                                              generator, golden.device());
  const Lpips lpips{
      Weights(std::make_shared<MapSource>(draw(golden, "lpips", lpips_keys()), golden.folder(), golden.device()))};
  AutoencoderTrainer trainer(decoder_source, decoder.last_weight(), AutoencoderTrainer::Adversary{patch_source, patch},
                             {lpips}, options_of(spec, operations));

  std::map<std::string, std::vector<double>> series;
  for (int64_t iteration = 0; iteration < spec.at("iterations").as_int(); ++iteration) {
    std::vector<at::Tensor> images, reconstructions;
    for (int64_t i = 0; golden.has_input(concat(iteration, ".image.", i)); ++i) {
      images.push_back(golden.input(concat(iteration, ".image.", i)));
      reconstructions.push_back(decoder(golden.input(concat(iteration, ".latent.", i))));
    }
    const AutoencoderStepResult result = trainer.step(images, reconstructions).read();
    series["total_loss"].push_back(result.losses.at("total"));
    series["nll_loss"].push_back(result.losses.at("nll"));
    series["rec_loss"].push_back(result.losses.at("rec"));
    series["perceptual_loss"].push_back(result.losses.at("perceptual"));
    series["generator_loss"].push_back(result.losses.at("generator"));
    series["adaptive_weight"].push_back(result.losses.at("adaptiveWeight"));
    series["discriminator_loss"].push_back(result.losses.at("discriminator"));
    series["logits_real"].push_back(result.losses.at("logitsReal"));
    series["logits_fake"].push_back(result.losses.at("logitsFake"));
  }
  for (const std::string& name : golden.output_names()) {
    if (name.rfind("param.", 0) == 0) continue;
    if (const auto found = series.find(name); found != series.end()) {
      golden.expect(name, at::tensor(found->second, at::kDouble));
    } else if (name == "discriminator_checksum") {
      golden.expect(name, checksum(patch_source->parameters()));
    } else {
      golden.fail("output \"" + name + "\" is none that the module gives");
    }
  }
  expect_update(golden, start, decoder_source->parameters());
}

}  // namespace

void run_autoencoder_trainer(GoldenCase& golden) {
  const c10::AutoGradMode grad(true);
  for (const Operations operations : {Operations::kFast, Operations::kReference}) train(golden, operations);
}

}  // namespace svg
