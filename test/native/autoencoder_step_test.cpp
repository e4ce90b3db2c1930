#include "train/autoencoder_step.h"

#include <c10/core/GradMode.h>

#include <cmath>
#include <limits>

#include "bench/count_launches.h"
#include "golden.h"
#include "host_reads.h"

using namespace svg;

namespace {

const PatchDiscriminatorConfig kPatch = {.ndf = 4, .n_layers = 1};

/// A generator of one 1x1 convolution under the decoder's last name, and its trainer without a perceptual distance.
struct Fixture {
  explicit Fixture(const AutoencoderLossOptions& loss, uint64_t seed = 1, bool against = true)
      : source(std::make_shared<TrainableSource>(TensorMap{}, at::detail::createCPUGenerator(seed))),
        weight(Weights(source).get("decoder.conv_out.weight", {3, 3, 1, 1}, Init::normal(0.5))),
        trainer(source, weight, against ? std::make_optional(adversary(seed + 1)) : std::nullopt, {},
                {.loss = loss, .optimizer = {.lr = 1e-2, .beta1 = 0.5, .beta2 = 0.9, .eps = 1e-8}}) {}

  static AutoencoderTrainer::Adversary adversary(uint64_t seed) {
    return {std::make_shared<TrainableSource>(TensorMap{}, at::detail::createCPUGenerator(seed)), kPatch};
  }

  std::vector<at::Tensor> reconstruct(const std::vector<at::Tensor>& images) const {
    std::vector<at::Tensor> reconstructions;
    for (const at::Tensor& image : images) reconstructions.push_back(at::conv2d(image, weight));
    return reconstructions;
  }
  AutoencoderStepResult step(const std::vector<at::Tensor>& images) {
    return trainer.step(images, reconstruct(images)).read();
  }

  std::shared_ptr<TrainableSource> source;
  at::Tensor weight;
  AutoencoderTrainer trainer;
};

/// Two images of different sizes.
std::vector<at::Tensor> images(uint64_t seed = 3) {
  const at::Generator generator = at::detail::createCPUGenerator(seed);
  return {at::rand({1, 3, 16, 24}, generator, at::TensorOptions()) * 2 - 1,
          at::rand({1, 3, 32, 16}, generator, at::TensorOptions()) * 2 - 1};
}

AutoencoderLossOptions pixels_only(int64_t disc_start) {
  AutoencoderLossOptions loss;
  loss.perceptual_weight = 0;
  loss.disc_start = disc_start;
  return loss;
}

}  // namespace

TEST_CASE("autoencoder_step: golden case, by fast operations and by the reference's") {
  svg::test::expect_golden("autoencoder-train");
}

TEST_CASE("autoencoder_step: every image counts, and logvar scales their sum") {
  for (const PixelLoss& pixel : pixel_losses()) {
    AutoencoderLossOptions loss = pixels_only(100);
    loss.pixel = pixel;
    loss.logvar = 0.3;
    Fixture fixture(loss);
    double nll = 0, rec = 0;
    const auto shown = images();
    const auto made = fixture.reconstruct(shown);
    for (size_t i = 0; i < shown.size(); ++i) {
      const at::Tensor difference = (shown[i] - made[i]).detach().to(at::kDouble).abs();
      const at::Tensor each = pixel.name == "l1" ? difference : difference.square();
      nll += (each / std::exp(loss.logvar) + loss.logvar).sum().item<double>() / 2;
      rec += each.mean().item<double>() / 2;
    }
    const AutoencoderStepResult result = fixture.trainer.step(shown, made).read();
    EXPECT_CLOSE(result.losses.at("nll"), nll, 1e-4 * nll);
    EXPECT_CLOSE(result.losses.at("rec"), rec, 1e-5);
    EXPECT(result.losses.at("perceptual") == 0 && result.applied);
  }
}

TEST_CASE("autoencoder_step: the discriminator joins in at disc_start, counted twice an iteration") {
  for (const AdversarialLoss& kind : adversarial_losses()) {
    AutoencoderLossOptions loss = pixels_only(3);  // the second iteration's discriminator is the fourth update
    loss.disc_loss = kind;
    Fixture fixture(loss);
    const AutoencoderStepResult first = fixture.step(images());
    EXPECT(first.losses.at("total") == first.losses.at("nll") && first.losses.at("discriminator") == 0 &&
           first.losses.at("adaptiveWeight") > 0);
    const AutoencoderStepResult second = fixture.step(images());
    EXPECT(second.losses.at("total") == second.losses.at("nll") && second.losses.at("discriminator") > 0);
    const AutoencoderStepResult third = fixture.step(images());
    EXPECT_CLOSE(third.losses.at("total"),
                 third.losses.at("nll") + third.losses.at("adaptiveWeight") * third.losses.at("generator"),
                 1e-5 * third.losses.at("nll"));
    EXPECT(third.losses.at("generator") != 0 && fixture.trainer.steps() == 6);
  }
}

TEST_CASE("autoencoder_step: the adaptive weight balances the gradients at the last layer") {
  AutoencoderLossOptions loss = pixels_only(0);
  loss.logvar = 4;  // keeps the weight below its bound
  Fixture fixture(loss);
  const auto shown = images();
  const double weight = fixture.step(shown).losses.at("adaptiveWeight");

  Fixture again(loss);  // the same draws
  const auto source = std::make_shared<TrainableSource>(TensorMap{}, at::detail::createCPUGenerator(2));
  const PatchDiscriminator patch(Weights(source), kPatch);
  const auto norm_of = [&](auto&& loss_of) {
    again.weight.mutable_grad() = at::Tensor();
    loss_of(again.reconstruct(shown)).backward();
    return again.weight.grad().norm().template item<double>();
  };
  const double pixels = norm_of([&](const std::vector<at::Tensor>& made) {
    return ((shown[0] - made[0]).abs().sum() + (shown[1] - made[1]).abs().sum()) / (2 * std::exp(loss.logvar));
  });
  const double adversarial = norm_of([&](const std::vector<at::Tensor>& made) {  // one mean over all logits
    return -at::cat({patch(made[0], true).flatten(), patch(made[1], true).flatten()}).mean();
  });
  EXPECT_CLOSE(weight, loss.disc_weight * pixels / (adversarial + 1e-4), 1e-3 * weight);
  EXPECT(Fixture(pixels_only(0)).step(shown).losses.at("adaptiveWeight") == loss.disc_weight * 1e4);  // the bound
}

TEST_CASE("autoencoder_step: the loss falls on images that are shown again and again") {
  Fixture fixture(pixels_only(1000));
  const double first = fixture.step(images()).losses.at("rec");
  double last = first;
  for (int step = 0; step < 30; ++step) last = fixture.step(images()).losses.at("rec");
  EXPECT(last < 0.8 * first);
}

TEST_CASE("autoencoder_step: without a discriminator only pixels count") {
  Fixture fixture(pixels_only(0), 1, /*against=*/false);
  const AutoencoderStepResult result = fixture.step(images());
  EXPECT(result.losses.at("total") == result.losses.at("nll") &&
         result.losses.at("rec") == Fixture(pixels_only(0)).step(images()).losses.at("rec"));
  EXPECT(result.losses.at("generator") == 0 && result.losses.at("adaptiveWeight") == 0 &&
         result.losses.at("discriminator") == 0);
  EXPECT(fixture.trainer.state().count("optimizer.discriminator.step") == 0 && fixture.trainer.steps() == 1);
}

TEST_CASE("autoencoder_step: images of one size may come as one batch, or in parts") {
  const at::Tensor shown = at::cat({images()[0], images(4)[0]});
  Fixture one(pixels_only(1000), 1, false), apart(pixels_only(1000), 1, false), parts(pixels_only(1000), 1, false);
  const AutoencoderStepResult want = one.step({shown});
  const std::vector<at::Tensor> first = {shown.slice(0, 0, 1)}, second = {shown.slice(0, 1, 2)};
  parts.trainer.accumulate(first, parts.reconstruct(first), 0.5);
  parts.trainer.accumulate(second, parts.reconstruct(second), 0.5);
  for (const AutoencoderStepResult& got : {apart.step({first[0], second[0]}), parts.trainer.apply().read()}) {
    EXPECT_CLOSE(got.losses.at("nll"), want.losses.at("nll"), 1e-5 * want.losses.at("nll"));
    EXPECT_CLOSE(got.grad_norm, want.grad_norm, 1e-5 * want.grad_norm);
  }
}

TEST_CASE("autoencoder_step: a loss that is not finite changes nothing, nor does what is discarded") {
  Fixture fixture(pixels_only(0));
  fixture.step(images());
  TensorMap before;
  for (const auto& [name, tensor] : fixture.trainer.state()) before[name] = tensor.detach().clone();
  auto broken = images();
  broken[1].fill_(std::numeric_limits<float>::infinity());
  EXPECT(!fixture.step(broken).applied);
  fixture.trainer.accumulate(images(), fixture.reconstruct(images()), 1);
  fixture.trainer.discard();
  for (const auto& [name, tensor] : fixture.trainer.state()) EXPECT(at::equal(tensor.detach(), before.at(name)));
}

TEST_CASE("autoencoder_step: no number of a step is read before it is asked for") {
  Fixture fixture(pixels_only(0));
  AutoencoderStepNumbers numbers;
  const auto once = [&] {
    for (const uint64_t seed : {3, 4}) fixture.trainer.accumulate(images(seed), fixture.reconstruct(images(seed)), 0.5);
    numbers = fixture.trainer.apply();
  };
  EXPECT(svg::test::host_reads(once).empty());
  const AutoencoderStepResult first = numbers.read();
  once();
  EXPECT(first.applied && first.losses.at("total") > 0 && first.grad_norm > 0);
  EXPECT(numbers.read().losses.at("total") < first.losses.at("total"));
}

TEST_CASE("autoencoder_step: on a GPU nothing is copied to the host but what is asked for") {
  // Meta tensors have a count, and no convolution of a discriminator.
  const auto empty = [](at::IntArrayRef shape) { return at::empty(shape, at::device(at::kMeta).dtype(at::kFloat)); };
  const auto source = std::make_shared<TrainableSource>(TensorMap{{"decoder.conv_out.weight", empty({3, 1, 1})}},
                                                        at::detail::createCPUGenerator(1), at::kMeta);
  const at::Tensor weight = Weights(source).get("decoder.conv_out.weight", {3, 1, 1}, Init::ones());
  std::unique_ptr<AutoencoderTrainer> trainer;
  const auto reads = [](const LaunchCount& count) {
    int64_t launches = 0;
    for (const auto& entry : count.operations()) {
      if (entry.second.kind == LaunchKind::kHostRead) launches += entry.second.launches;
    }
    return launches;
  };
  const LaunchCount count;
  trainer = std::make_unique<AutoencoderTrainer>(source, weight, std::nullopt, LossParts{},
                                                 AutoencoderTrainer::Options{.loss = pixels_only(0)});
  AutoencoderStepNumbers numbers;
  for (int micro = 0; micro < 2; ++micro) {
    const at::Tensor shown = empty({2, 3, 16, 16});
    trainer->accumulate({shown}, {shown * weight}, 0.5);
  }
  numbers = trainer->apply();
  EXPECT(reads(count) == 0);
  numbers.read();
  EXPECT(reads(count) == 1);
}

TEST_CASE("autoencoder_step: where gradients are not finite, neither network learns nor counts") {
  Fixture fixture(pixels_only(0));
  fixture.step(images());
  TensorMap before;
  for (const auto& [name, tensor] : fixture.trainer.state()) before[name] = tensor.detach().clone();
  // A finite distance whose gradient at the last layer is none: the root of a square that is 0.
  auto made = fixture.reconstruct(images());
  made[0] = made[0] + 0 * (fixture.weight - fixture.weight).square().sum().sqrt();
  const AutoencoderStepResult result = fixture.trainer.step(images(), made).read();
  EXPECT(!result.applied && std::isfinite(result.losses.at("nll")) && !std::isfinite(result.grad_norm));
  for (const auto& [name, tensor] : fixture.trainer.state()) EXPECT(at::equal(tensor.detach(), before.at(name)));
  EXPECT(fixture.trainer.steps() == 2 && fixture.step(images()).applied && fixture.trainer.steps() == 4);
}

TEST_CASE("autoencoder_step: a saved state continues bit for bit") {
  Fixture fixture(pixels_only(0));
  fixture.step(images());
  TensorMap saved;
  for (const auto& [name, tensor] : fixture.trainer.state()) saved[name] = tensor.detach().clone();
  Fixture resumed(pixels_only(0), 77);
  resumed.trainer.load_state(saved);
  fixture.step(images(4));
  resumed.step(images(4));
  const TensorMap want = fixture.trainer.state(), got = resumed.trainer.state();
  EXPECT(got.size() == want.size());
  for (const auto& [name, tensor] : want) EXPECT(at::equal(got.at(name), tensor));
  saved.erase("steps");
  EXPECT_ERROR(resumed.trainer.load_state(saved), ErrorCode::kWeightsMismatch, "\"steps\"");
}

TEST_CASE("autoencoder_step refuses losses that it does not know, and images without reconstructions") {
  EXPECT_ERROR(AutoencoderLossOptions::from_json(Json::parse(R"({"pixel": "l3"})")), ErrorCode::kInvalidConfig, "l3");
  EXPECT_ERROR(AutoencoderLossOptions::from_json(Json::parse(R"({"disc_loss": "wgan"})")), ErrorCode::kInvalidConfig,
               "wgan");
  Fixture fixture(pixels_only(0));
  EXPECT_ERROR(fixture.trainer.step(images(), {}), ErrorCode::kInvalidArgument, "[autoencoder_step]");
}
