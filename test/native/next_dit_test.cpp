#include "models/next_dit/next_dit.h"

#include <c10/core/GradMode.h>

#include "bench/dit_bench.h"
#include "check.h"
#include "core/cancel.h"
#include "golden.h"
#include "models/catalogue.h"
#include "models/guided_pictures.h"
#include "ops/int8_weights.h"
#include "plain/plain_dit.h"
#include "tiny_dit.h"

using svg::test::largest_difference;
using svg::test::tiny_config;
using svg::test::tiny_model;

TEST_CASE("next_dit: presets have the published parameter counts") {
  EXPECT(svg::NextDitConfig::preset("2B").parameter_count() == 2'611'246'336);
  EXPECT(svg::NextDitConfig::preset("0.8B").parameter_count() == 784'896'640);
  for (const std::string& name : svg::NextDitConfig::preset_names()) svg::NextDitConfig::preset(name).check();
  EXPECT_ERROR(svg::NextDitConfig::preset("5B"), svg::ErrorCode::kInvalidArgument, "no preset \"5B\"");
}

TEST_CASE("next_dit: parameter_count is what a model asks for") {
  for (const bool qk_norm : {true, false}) {
    svg::NextDitConfig config = tiny_config();
    config.qk_norm = qk_norm;
    int64_t count = 0;
    for (const auto& entry : svg::test::tiny_weights(config)) count += entry.second.numel();
    EXPECT(count == config.parameter_count());
  }
}

TEST_CASE("next_dit: dimensions are inferred from the weights and held against the configuration") {
  const svg::NextDitConfig want = tiny_config();
  const svg::Weights weights = svg::test::tiny_source(want);
  const svg::NextDitConfig got = svg::NextDitConfig::infer(weights);
  EXPECT(got.dim == want.dim && got.layers == want.layers && got.refiner_layers == want.refiner_layers);
  EXPECT(got.heads == want.heads && got.kv_heads == want.kv_heads && got.ffn_dim == want.ffn_dim);
  EXPECT(got.in_channels == want.in_channels && got.caption_dim == want.caption_dim && got.qk_norm);
  EXPECT(got.axes_dims == std::vector<int64_t>({4, 4, 4}));

  svg::Json other = svg::Json::object();
  other.set("in_channels", 392);
  EXPECT_ERROR(svg::NextDitConfig::infer(weights, other), svg::ErrorCode::kWeightsMismatch, "in_channels 392");
  svg::Json heads = svg::Json::object();
  heads.set("n_heads", 3);
  EXPECT_ERROR(svg::NextDitConfig::infer(weights, heads), svg::ErrorCode::kWeightsMismatch, "n_heads 3");
  const svg::Weights nothing(std::make_shared<svg::MapSource>(svg::TensorMap{}, "nothing"));
  EXPECT_ERROR(svg::NextDitConfig::infer(nothing), svg::ErrorCode::kWeightsMismatch, "holds no NextDiT");
}

TEST_CASE("next_dit: a velocity that is cancelled ends between layers") {
  c10::NoGradGuard no_grad;
  const svg::NextDit model = tiny_model(tiny_config());
  const std::atomic<bool> cancelled{true};
  const svg::CancelScope scope(cancelled);
  EXPECT_ERROR(model.forward({at::randn({8, 4, 6})}, at::full({1}, 0.5), {at::randn({3, 24})}),
               svg::ErrorCode::kCancelled, "");
}

TEST_CASE("next_dit: patches of two") {
  c10::NoGradGuard no_grad;
  svg::NextDitConfig config = tiny_config();
  config.patch_size = 2;
  const svg::NextDit model = tiny_model(config);
  const at::Tensor latent = at::randn({config.in_channels, 4, 6});
  const auto velocity = model.forward({latent}, at::full({1}, 0.5), {at::randn({3, config.caption_dim})});
  EXPECT(velocity[0].sizes() == latent.sizes());
  const at::Tensor patches = at::arange(24 * config.in_channels).view({6, config.patch_dim()});
  const at::Tensor image = model.unpatchify(patches, {2, 3});
  EXPECT(image[1][0][0].item<int64_t>() == 1 && image[0][0][1].item<int64_t>() == config.in_channels);
}

TEST_CASE("next_dit: a batch gives what its members give alone") {
  c10::NoGradGuard no_grad;
  const svg::NextDit model = tiny_model(tiny_config());
  const std::vector<at::Tensor> latents = {at::randn({8, 4, 6}), at::randn({8, 2, 3}), at::randn({8, 5, 1})};
  const std::vector<at::Tensor> captions = {at::randn({5, 24}), at::randn({0, 24}), at::randn({1, 24})};
  const at::Tensor t = at::tensor({0.1, 0.6, 1.0}, at::kFloat);
  const auto batch = model.forward(latents, t, captions);
  for (size_t i = 0; i < latents.size(); ++i) {
    const auto alone = model.forward({latents[i]}, t.narrow(0, static_cast<int64_t>(i), 1), {captions[i]});
    EXPECT_CLOSE(largest_difference(batch[i], alone[0]), 0, 2e-5);
  }
}

TEST_CASE("next_dit: guided batches give what their members give alone, shared work changes nothing") {
  c10::NoGradGuard no_grad;
  const svg::NextDit model = tiny_model(tiny_config());
  const std::vector<at::Tensor> latents = {at::randn({8, 4, 6}), at::randn({8, 3, 2})};
  const std::vector<at::Tensor> prompts = {at::randn({7, 24}), at::randn({2, 24})};
  const at::Tensor negative = at::randn({1, 24});
  svg::Guidance guidance;
  guidance.until = 0.5;
  std::vector<svg::GuidedItem> items;
  for (size_t i = 0; i < 2; ++i) {
    items.push_back({model.encode_caption(prompts[i]),
                     model.encode_caption(negative),
                     {latents[i].size(1), latents[i].size(2)},
                     guidance});
  }
  const svg::GuidedPictures sampler(model, items, {0.0, 0.25, 0.75});
  for (const double t : {0.25, 0.3, 0.75}) {
    const auto got = sampler.velocity(latents, {.t = t});
    for (size_t i = 0; i < 2; ++i) {
      const at::Tensor times = at::full({2}, t, at::kFloat);
      const auto both = model.forward({latents[i], latents[i]}, times, {prompts[i], negative});
      const at::Tensor want = t < 0.5 ? svg::guided_velocity(both[0], both[1], guidance) : both[0];
      EXPECT_CLOSE(largest_difference(got[i], want), 0, 5e-5);
    }
  }
}

TEST_CASE("next_dit: pictures come and go, each at its own time and with its own guidance") {
  c10::NoGradGuard no_grad;
  const svg::NextDit model = tiny_model(tiny_config());
  std::vector<double> many;  // beyond what is computed at once
  for (int i = 0; i < 150; ++i) many.push_back(i / 150.0);
  struct Picture {
    svg::GuidedItem item;
    std::vector<double> times;
    int64_t number;
  };
  svg::Guidance renorm, none, late, star;
  renorm.until = 0.5;
  none.scale = 1;
  late.mode = svg::GuidanceMode::kStandard;
  late.schedule = svg::GuidanceSchedule::parse("late");
  star.schedule = svg::GuidanceSchedule::parse("cfg_star-1-0");
  const at::Tensor negative = model.encode_caption(at::randn({1, 24}));
  const auto caption = [&](int64_t tokens) { return model.encode_caption(at::randn({tokens, 24})); };
  std::vector<Picture> pictures = {{{caption(7), negative, {4, 6}, renorm}, {0.1, 0.4, 0.6}, 0},
                                   {{caption(2), negative, {3, 2}, none}, many, 0},
                                   {{caption(5), negative, {4, 6}, late}, many, 0},
                                   {{caption(1), negative, {2, 2}, star}, {}, 0}};
  const auto guided = model.guide();
  for (Picture& picture : pictures) picture.number = guided->add(picture.item, picture.times);
  const auto check = [&](const std::vector<size_t>& present, const std::vector<svg::SolverTime>& when) {
    std::vector<svg::GuidedQuery> queries;
    for (const size_t i : present) {
      const svg::Cells& cells = pictures[i].item.cells;
      queries.push_back({pictures[i].number, at::randn({8, cells.rows, cells.columns}), when[i]});
    }
    const std::vector<at::Tensor> together = guided->velocity(queries);
    for (size_t k = 0; k < present.size(); ++k) {
      const svg::GuidedPictures alone(model, {pictures[present[k]].item});
      EXPECT_CLOSE(largest_difference(together[k], alone.velocity({queries[k].latent}, queries[k].when)[0]), 0, 5e-5);
    }
  };
  check({0, 1, 2, 3}, {{0.1, 0, 3}, {many[0], 0, 150}, {many[70], 70, 150}, {0, 0, 4}});
  check({0, 1, 2, 3}, {{0.4, 1, 3}, {many[1], 1, 150}, {many[149], 149, 150}, {0.25, 1, 4}});
  check({0, 1, 2}, {{0.6, 2, 3}, {many[2], 2, 150}, {many[2], 2, 150}, {}});
  guided->remove(pictures[0].number);
  check({1, 2}, {{}, {many[40], 40, 150}, {many[140], 140, 150}, {}});
  check({3}, {{}, {}, {}, {0, 0, 4}});  // nothing to compute
  pictures[0].number = guided->add(pictures[0].item, pictures[0].times);
  check({2, 0}, {{0.1, 0, 3}, {}, {many[80], 80, 150}, {}});
}

TEST_CASE("next_dit: an evaluation after one that failed on its times is what it would have been") {
  c10::NoGradGuard no_grad;
  svg::NextDit model = tiny_model(tiny_config());
  const at::Tensor caption = model.encode_caption(at::randn({3, 24}));
  const svg::GuidedItem item{caption, caption, {2, 3}, {}};
  const at::Tensor latent = at::randn({8, 2, 3});
  const svg::SolverTime when{0.4, 1, 2};
  const auto guided = model.guide();
  const int64_t first = guided->add(item, {0.1, 0.2});
  guided->velocity({{first, latent, {0.1, 0, 2}}});
  const int64_t second = guided->add(item, {0.3, 0.4});
  const svg::Linear adaln = model.final_adaln;
  model.final_adaln = model.x_embedder;
  for (int tries = 0; tries < 2; ++tries) {
    bool failed = false;
    try {
      guided->velocity({{second, latent, when}});
    } catch (const std::exception&) {
      failed = true;
    }
    EXPECT(failed);
  }
  model.final_adaln = adaln;
  const at::Tensor want = svg::GuidedPictures(model, {item}).velocity({latent}, when)[0];
  EXPECT_CLOSE(largest_difference(guided->velocity({{second, latent, when}})[0], want), 0, 5e-5);
}

TEST_CASE("next_dit: what lies beyond its tables is refused") {
  const svg::NextDit model = tiny_model(tiny_config());  // 64 positions for captions, 32 x 32 for images
  const at::Tensor t = at::full({1}, 0.5);
  const at::Tensor caption = at::randn({3, 24});
  EXPECT_ERROR(model.forward({at::randn({8, 33, 4})}, t, {caption}), svg::ErrorCode::kInvalidArgument,
               "position table ends at 32 x 32");
  EXPECT_ERROR(model.forward({at::randn({9, 4, 4})}, t, {caption}), svg::ErrorCode::kInvalidArgument, "9 channels");
  EXPECT_ERROR(model.forward({at::randn({8, 4, 4})}, t, {at::randn({64, 24})}), svg::ErrorCode::kInvalidArgument,
               "at most 63");
  EXPECT_ERROR(model.encode_caption(at::randn({3, 25})), svg::ErrorCode::kInvalidArgument, "(tokens, 24)");
}

TEST_CASE("next_dit: the plain path of the bench gives the same velocities") {
  c10::NoGradGuard no_grad;
  const svg::NextDit model = tiny_model(tiny_config());
  const at::Tensor latent = at::randn({1, 8, 4, 6});
  const at::Tensor features = at::randn({2, 7, 24});
  const at::Tensor mask = at::ones({2, 7}, at::kBool);
  mask[1].narrow(0, 2, 5).fill_(false);
  const svg::Guidance guidance;
  const svg::GuidedPictures sampler(
      model,
      {{model.encode_caption(features[0]), model.encode_caption(features[1].narrow(0, 0, 2)), {4, 6}, guidance}});
  const at::Tensor got = sampler.velocity({latent[0]}, {.t = 0.3})[0];
  const at::Tensor want = svg::plain_guided_velocity(model, latent, 0.3, features, mask, guidance);
  EXPECT_CLOSE(largest_difference(got, want), 0, 5e-5);
}

TEST_CASE("next_dit: a stream that was opened for the next block has the bits of one that is opened there") {
  c10::NoGradGuard no_grad;
  const svg::NextDitConfig config = tiny_config();
  const svg::VelocityKind& kind = svg::velocity_kind("next-dit");
  const auto takes = [&kind](const std::string& name, at::IntArrayRef shape) { return kind.takes_int8(name, shape); };
  const svg::NextDit models[] = {tiny_model(config), tiny_model(config, at::kBFloat16),
                                 svg::NextDit(svg::int8_weights(svg::test::tiny_source(config), takes), config)};
  const at::Tensor x = at::randn({9, config.dim});
  for (const svg::NextDit& model : models) {
    for (const bool several : {false, true}) {
      const at::Tensor times = several ? at::tensor({0.2f, 0.7f}) : at::tensor({0.4f});
      const svg::ModulationTable table = model.modulation_table(times);
      const svg::Packing packing =
          model.pack_sequences({3, 1}, {{1, 2}, {1, 3}}, several ? at::arange(2, at::kInt) : at::Tensor());
      const svg::NextDitBlock &first = model.layers[0], &second = model.layers[1];
      const svg::Stream apart = first({x, std::nullopt}, packing, table.layers[0], std::nullopt);
      const svg::Stream joined =
          first({x, std::nullopt}, packing, table.layers[0], second.as_following(table.layers[1]));
      EXPECT(!apart.opened && joined.opened && at::equal(joined.rows, apart.rows));
      const svg::Stream want = second(apart, packing, table.layers[1], std::nullopt);
      EXPECT(at::equal(second(joined, packing, table.layers[1], std::nullopt).rows, want.rows));
      const svg::RowSubset images = model.image_rows(packing, {3, 1});
      EXPECT(at::equal(second.for_rows(joined, packing, table.layers[1], images),
                       second.for_rows(apart, packing, table.layers[1], images)));
    }
  }
}

TEST_CASE("next_dit: bf16 stays near fp32") {
  c10::NoGradGuard no_grad;
  const svg::NextDit exact = tiny_model(tiny_config());
  const svg::NextDit rounded = tiny_model(tiny_config(), at::kBFloat16);
  const std::vector<at::Tensor> latents = {at::randn({8, 4, 6})};
  const std::vector<at::Tensor> captions = {at::randn({5, 24})};
  const at::Tensor t = at::full({1}, 0.4);
  const at::Tensor want = exact.forward(latents, t, captions)[0];
  const at::Tensor got = rounded.forward(latents, t, captions)[0];
  EXPECT_CLOSE((got - want).norm().item<double>() / want.norm().item<double>(), 0, 0.02);
}

TEST_CASE("next_dit: the bench reports both paths") {
  svg::NextDitConfig config = tiny_config();
  config.axes_lens = {200, 32, 32};
  const svg::Json report = svg::bench_dit(config, "dit-256-128-fp32", 1);
  const svg::Json& row = report.at("rows").as_array().at(0);
  EXPECT(row.at("name").as_string() == "dit-256-128-fp32" && report.at("rows").as_array().size() == 1);
  EXPECT(row.at("ours").as_double() > 0 && row.at("plain").as_double() > 0);
  EXPECT_CLOSE(row.at("difference").as_double(), 0, 1e-4);
}

TEST_CASE("next_dit: golden cases") {
  for (const char* name :
       {"next-dit-mixed-sizes", "next-dit-guided-renorm", "next-dit-guided-standard", "next-dit-guidance-truncated"}) {
    svg::test::expect_golden(name);
  }
}
