#include "models/lpips.h"

#include "golden.h"
#include "models/patch_discriminator.h"

using namespace svg;
using namespace svg::test;

TEST_CASE("lpips agrees with the reference") { expect_golden("lpips"); }
TEST_CASE("patch_discriminator agrees with the reference") { expect_golden("patch-discriminator"); }

TEST_CASE("lpips is zero for equal images and reads torchvision's names too") {
  const GoldenCase golden(golden_folder("lpips"));
  TensorMap lin, net;
  for (const auto& [name, value] : golden.weight_map()) {
    if (name.rfind("lin", 0) == 0) {
      lin[name] = value;
    } else {
      net["features." + name.substr(std::string("net.slice1.").size())] = value;
    }
  }
  const Lpips model(Weights(std::make_shared<MapSource>(net, "vgg16")),
                    Weights(std::make_shared<MapSource>(lin, "lin")));
  const at::Tensor a = golden.input("a"), b = golden.input("b");
  EXPECT(at::equal(model(a, a), at::zeros({a.size(0)})));
  EXPECT_CLOSE((model(a, b) - golden.output("distance")).abs().max().item<double>(), 0, 1e-4);
  EXPECT_ERROR(model(a, b.slice(3, 16)), ErrorCode::kInvalidArgument, "[lpips]");
}

TEST_CASE("patch_discriminator reads its depth off the weights") {
  PatchDiscriminatorConfig config;
  config.ndf = 4;
  config.n_layers = 2;
  const auto source = std::make_shared<TrainableSource>(TensorMap{}, at::detail::createCPUGenerator(5));
  const PatchDiscriminator model(Weights(source), config);
  const Weights stored(std::make_shared<MapSource>(source->parameters(), "test weights"));
  const PatchDiscriminatorConfig got = PatchDiscriminatorConfig::infer(stored);
  EXPECT(got.ndf == 4 && got.n_layers == 2);
  EXPECT(source->buffers().count("main.6.running_var") == 1);
}
