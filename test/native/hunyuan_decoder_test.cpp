#include <c10/core/GradMode.h>

#include "golden.h"
#include "models/decoders/hunyuan.h"

using namespace svg;
using namespace svg::test;

namespace {

HunyuanDecoderConfig tiny() {
  HunyuanDecoderConfig config;
  config.z_channels = 24;  // 64 is no multiple: the last eight channels are repeated
  config.block_out_channels = {64, 32, 32};
  config.num_res_blocks = 1;
  config.ffactor_spatial = 4;
  return config;
}

std::shared_ptr<TrainableSource> fresh() {
  return std::make_shared<TrainableSource>(TensorMap{}, at::detail::createCPUGenerator(3));
}

HunyuanDecoderConfig told(const HunyuanDecoderConfig& config) {
  const auto source = fresh();
  const HunyuanDecoder decoder(Weights(source), config);
  return HunyuanDecoderConfig::infer(Weights(std::make_shared<MapSource>(source->parameters(), "test weights")));
}

/// The first convolution as the original computes it: in three dimensions, on one frame.
at::Tensor in_three_dimensions(const at::Tensor& x, const at::Tensor& kernel, const at::Tensor& bias) {
  return at::conv3d(x.unsqueeze(2), kernel, bias, 1, kernel.size(2) / 2).squeeze(2);
}

}  // namespace

TEST_CASE("hunyuan_decoder agrees with the reference") { expect_golden("hy-decoder"); }

TEST_CASE("hunyuan_decoder reads its configuration off the weights") {
  EXPECT(told(tiny()).same_network(tiny()));
  EXPECT(told(tiny()).describe() == "hunyuan [64,32,32], 1 blocks, 24 latent channels, cells of 4 px");
  HunyuanDecoderConfig unmatched = tiny();
  unmatched.upsample_match_channel = false;  // a level's first block narrows instead
  EXPECT(told(unmatched).same_network(unmatched));
  EXPECT(!told(unmatched).same_network(tiny()));
  HunyuanDecoderConfig small_cells = tiny();
  small_cells.ffactor_spatial = 2;
  EXPECT(told(small_cells).same_network(small_cells));
  EXPECT(HunyuanDecoderConfig::from_json(tiny().to_json()).same_network(tiny()));
}

TEST_CASE("hunyuan_decoder builds the published network") {
  const HunyuanDecoderConfig published = HunyuanDecoderConfig::from_json(
      Json::parse(R"({"block_out_channels": [768, 384, 192, 192, 96], "out_channels": 3, "z_channels": 392,
                      "num_res_blocks": 2, "ffactor_spatial": 16, "ffactor_temporal": 1,
                      "upsample_match_channel": true})"));
  EXPECT(published.same_network(HunyuanDecoderConfig{}));
}

TEST_CASE("hunyuan_decoder gives each image of a batch what it gives it alone, at any size") {
  const HunyuanDecoder decoder(Weights(fresh()), tiny());
  c10::NoGradGuard no_grad;
  const at::Tensor latent = at::randn({2, 24, 3, 5}, at::kFloat);
  const at::Tensor both = decoder.decode(latent);
  EXPECT(both.size(1) == 3 && both.size(2) == 12 && both.size(3) == 20);
  EXPECT_CLOSE((both.slice(0, 1) - decoder.decode(latent.slice(0, 1))).abs().max().item<double>(), 0, 1e-5);
  EXPECT(decoder.grid().channels == 24 && decoder.grid().cell_pixels == 4);
}

TEST_CASE("hunyuan_decoder's middle layers of kernels are what one frame meets") {
  const at::Tensor kernel = at::randn({5, 4, 3, 3, 3}, at::kFloat), bias = at::randn({5}, at::kFloat);
  const at::Tensor x = at::randn({2, 4, 6, 7}, at::kFloat);
  const at::Tensor plane = at::conv2d(x, kernel.select(2, 1), bias, 1, 1);
  EXPECT_CLOSE((plane - in_three_dimensions(x, kernel, bias)).abs().max().item<double>(), 0, 1e-5);
}

TEST_CASE("hunyuan_decoder passes gradients to the latent and to every parameter, step after step") {
  const auto source = fresh();
  const HunyuanDecoder decoder(Weights(source), tiny());
  const at::Tensor latent = at::randn({1, 24, 2, 2}, at::kFloat).requires_grad_(true);
  const double before = decoder.decode(latent).square().sum().item<double>();
  for (int64_t step = 0; step < 2; ++step) {
    decoder.decode(latent).square().sum().backward();
    EXPECT(latent.grad().defined());
    c10::NoGradGuard no_grad;
    for (const auto& [name, parameter] : source->parameters()) {
      EXPECT(parameter.grad().defined());
      if (parameter.dim() == 5 && parameter.size(2) == 3) {
        EXPECT(parameter.grad().select(2, 1).count_nonzero().item<int64_t>() > 0);
        EXPECT(parameter.grad().select(2, 0).count_nonzero().item<int64_t>() == 0);
      }
      at::Tensor changed = parameter;
      changed.sub_(1e-4 * parameter.grad());
      parameter.mutable_grad() = at::Tensor();
    }
  }
  EXPECT(decoder.decode(latent).square().sum().item<double>() < before);
  EXPECT(decoder.last_weight().sizes() == at::IntArrayRef({3, 32, 3, 3}));
}

TEST_CASE("hunyuan_decoder gives the same pixels by fast operations and by the reference's") {
  const auto source = fresh();
  const HunyuanDecoder fast(Weights(source), tiny());
  const HunyuanDecoder reference(Weights(source), tiny(), ConvOperations::kReference);
  c10::NoGradGuard no_grad;
  const at::Tensor latent = at::randn({2, 24, 3, 5}, at::kFloat);
  EXPECT_CLOSE((fast.decode(latent) - reference.decode(latent)).abs().max().item<double>(), 0, 1e-5);
}

TEST_CASE("hunyuan_decoder refuses latents and configurations that do not fit") {
  const HunyuanDecoder decoder(Weights(fresh()), tiny());
  EXPECT_ERROR(decoder.decode(at::zeros({1, 7, 2, 2})), ErrorCode::kInvalidArgument, "(batch, 24, height, width)");
  const auto refused = [](const char* change, const char* why) {
    EXPECT_ERROR(HunyuanDecoderConfig::from_json(Json::parse(change)), ErrorCode::kInvalidConfig, why);
  };
  refused(R"({"ffactor_temporal": 4})", "only 1 makes a picture");
  refused(R"({"out_channels": 6})", "pictures have 3");
  refused(R"({"ffactor_spatial": 12})", "power of two");
  refused(R"({"ffactor_spatial": 64})", "more doublings than 5");
  refused(R"({"block_out_channels": [60]})", "multiple of 32");
  refused(R"({"z_channels": 7})", "8 or more");
  refused(R"({"block_out_channels": [768, 352], "ffactor_spatial": 2})", "four times the latter");
  EXPECT_ERROR(HunyuanDecoderConfig::infer(Weights(
                   std::make_shared<MapSource>(TensorMap{{"conv_in.weight", at::zeros({32, 6, 3, 3})}}, "flat.ckpt"))),
               ErrorCode::kWeightsMismatch, "no 3-D convolution");
}
