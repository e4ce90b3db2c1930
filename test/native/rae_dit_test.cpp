#include "models/rae_dit/rae_dit.h"

#include <c10/core/GradMode.h>

#include "golden.h"
#include "models/autoguided.h"
#include "models/guided_pictures.h"

using namespace svg;
using namespace svg::test;

namespace {

RaeDitConfig tiny() {
  RaeDitConfig config;
  config.channels = 6;
  config.grid = 3;
  config.classes = 5;
  config.deep = {64, 2, 1, 40};
  config.head = {128, 1, 2, 72};
  return config;
}

/// Random where training would start from zeros, so that every part takes effect.
TensorMap drawn(const RaeDitConfig& config, int64_t seed = 3) {
  const at::Generator generator = at::detail::createCPUGenerator(static_cast<uint64_t>(seed));
  const auto source = std::make_shared<TrainableSource>(TensorMap{}, generator);
  const RaeDit model(Weights(source), config);
  TensorMap tensors;
  for (const auto& [name, value] : source->parameters()) {
    tensors[name] = 0.1 * at::randn(value.sizes(), generator, at::TensorOptions().dtype(at::kFloat));
  }
  for (const auto& [name, value] : source->buffers()) tensors[name] = value;
  for (const auto& [name, value] : rae_dit_buffers(config)) tensors[name] = value;
  return tensors;
}

Weights stored(TensorMap tensors) { return Weights(std::make_shared<MapSource>(std::move(tensors), "test weights")); }

std::unique_ptr<RaeDit> built(const RaeDitConfig& config, int64_t seed = 3) {
  return std::make_unique<RaeDit>(stored(drawn(config, seed)), config);
}

at::Tensor label(int64_t of) { return at::full({1}, of, at::kLong); }

double largest(const at::Tensor& difference) { return difference.abs().max().item<double>(); }

SolverTime when(double t) {
  SolverTime time;
  time.t = t;
  return time;
}

}  // namespace

TEST_CASE("rae_dit agrees with the reference: velocities, guidance, autoguidance, states on the grid") {
  expect_golden("rae-dit");
}

TEST_CASE("rae_dit reads its configuration off the weights, for every option") {
  std::vector<RaeDitConfig> configs(6, tiny());
  configs[1].swiglu = false;
  configs[2].rms_norm = false;
  configs[2].qk_norm = true;
  configs[3].qk_norm = true;
  configs[4].shift = false;
  configs[5].deep = {128, 3, 2, 40};  // of the head's width
  configs[5].head = {128, 2, 2, 40};
  c10::NoGradGuard no_grad;
  for (const RaeDitConfig& config : configs) {
    const Weights weights = stored(drawn(config));
    const RaeDitConfig got = RaeDitConfig::infer(weights);
    EXPECT(got.describe() == config.describe());
    EXPECT(got.deep.num_heads == config.deep.num_heads && got.head.num_heads == config.head.num_heads);
    EXPECT(got.deep.mlp_hidden == config.deep.mlp_hidden && got.head.mlp_hidden == config.head.mlp_hidden);
    EXPECT(got.swiglu == config.swiglu && got.rms_norm == config.rms_norm && got.qk_norm == config.qk_norm &&
           got.shift == config.shift && got.rotary && got.positions);
    const at::Tensor out = RaeDit(weights, got)(at::randn({1, 6, 3, 3}, at::kFloat), at::full({1}, 0.5), label(2));
    EXPECT(out.isfinite().all().item<bool>());
  }
}

TEST_CASE("rae_dit takes from the configuration what weights do not tell, and nothing else") {
  c10::NoGradGuard no_grad;
  RaeDitConfig config = tiny();
  config.deep = {128, 1, 8, 40};
  config.head = {128, 3, 4, 40};  // of one width, and no head of two blocks
  config.rotary = config.positions = false;
  const Json said = config.to_json();
  TensorMap bare = drawn(config);
  const RaeDitConfig got = RaeDitConfig::infer(stored(bare), said);
  EXPECT(got.to_json().dump() == said.dump());
  EXPECT(RaeDitConfig::infer(stored(bare)).deep.depth == 2);
  config.qk_norm = true;  // each part's norms tell its heads
  EXPECT(RaeDitConfig::infer(stored(drawn(config)), Json::parse(R"({"depth": [1, 3]})")).head.num_heads == 4);

  const Weights whole = stored(drawn(tiny()));
  const auto contradicted = [&](const char* json, const char* why) {
    EXPECT_ERROR(RaeDitConfig::infer(whole, Json::parse(json)), ErrorCode::kWeightsMismatch, why);
  };
  EXPECT(RaeDitConfig::infer(whole, tiny().to_json()).to_json().dump() == tiny().to_json().dump());
  contradicted(R"({"num_heads": 1})", "the weights have num_heads");
  contradicted(R"({"input_size": 5})", "the weights have input_size 3, the configuration says 5");
  contradicted(R"({"depth": [3, 1]})", "the weights have depth");
  contradicted(R"({"mlp_ratio": 3})", "the configuration's mlp_ratio says");
  contradicted(R"({"arch": "rae_ditdh_xl"})", "the weights have hidden_size");
  // A part of a configuration need not hold together with the published rest.
  config = tiny();
  config.deep = {640, 1, 5, 40};
  config.rotary = config.positions = false;
  const RaeDitConfig part = RaeDitConfig::infer(stored(drawn(config)), Json::parse(R"({"num_heads": [5, 4]})"));
  EXPECT(part.deep.num_heads == 5 && part.head.num_heads == 4);
  const int64_t classes = tiny().classes;
  const RaeDitConfig all = RaeDitConfig::infer(whole, Json::parse(R"({"class_dropout_prob": 0})"));
  EXPECT(!all.null_class && all.classes == classes + 1);
  const RaeDitConfig named = RaeDitConfig::infer(whole, Json::object().set("num_classes", classes + 1));
  EXPECT(!named.null_class && named.classes == classes + 1);
}

TEST_CASE("rae_dit counts the parameters that it is trained with") {
  const auto source = std::make_shared<TrainableSource>(TensorMap{}, at::detail::createCPUGenerator(3));
  const RaeDit model(Weights(source), tiny());
  int64_t elements = 0;
  for (const auto& entry : source->parameters()) elements += entry.second.numel();
  EXPECT(model.parameter_count() == elements);
  EXPECT(RaeDitConfig{}.describe() == "rae-dit 1152x28 + 2048x2, 768 channels, 16x16 cells, 1000 classes");
  EXPECT(RaeDitConfig::from_json(Json::parse("{}")).parameter_count() == RaeDitConfig{}.parameter_count());
}

TEST_CASE("rae_dit runs our clock, for pictures of unlike sizes and classes") {
  c10::NoGradGuard no_grad;
  const auto model = built(tiny());
  const std::vector<at::Tensor> latents = {at::randn({6, 3, 3}, at::kFloat), at::randn({6, 4, 2}, at::kFloat),
                                           at::randn({6, 3, 3}, at::kFloat)};
  const at::Tensor t = at::tensor({0.1F, 0.5F, 0.9F});
  const auto got = model->forward(latents, t, {label(0), label(1), label(5)});
  for (size_t i = 0; i < latents.size(); ++i) {
    const auto k = static_cast<int64_t>(i);
    const at::Tensor theirs =
        (*model)(latents[i].unsqueeze(0), 1 - t.slice(0, k, k + 1), label(std::vector<int64_t>{0, 1, 5}[i]))[0];
    EXPECT(got[i].sizes() == latents[i].sizes());
    EXPECT_CLOSE(largest(got[i] + theirs), 0, 1e-5);
  }
}

TEST_CASE("rae_dit guides by the class for none, inside the interval alone") {
  c10::NoGradGuard no_grad;
  const auto model = built(tiny());
  const at::Tensor x = at::randn({6, 3, 3}, at::kFloat);
  Guidance guidance;
  guidance.mode = GuidanceMode::kStandard;
  guidance.scale = 3;
  guidance.from = 0.25;
  guidance.until = 0.75;
  const GuidedPictures guided(*model, {{label(1), label(5), {3, 3}, guidance}});
  const auto alone = [&](double t, int64_t of) { return model->forward({x}, at::full({1}, t), {label(of)})[0]; };
  EXPECT_CLOSE(largest(guided.velocity({x}, when(0.5))[0] - (alone(0.5, 5) + 3 * (alone(0.5, 1) - alone(0.5, 5)))), 0,
               1e-5);
  for (const double t : {0.1, 0.75, 0.9}) {
    EXPECT_CLOSE(largest(guided.velocity({x}, when(t))[0] - alone(t, 1)), 0, 1e-6);
  }
}

TEST_CASE("rae_dit without a class for none is told by the configuration, and not guided by itself") {
  RaeDitConfig config = tiny();
  config.null_class = false;
  const Weights weights = stored(drawn(config));
  const VelocityKind kind = rae_dit_kind();
  const auto plan = [&](const char* said) { return kind.infer(weights, {}, Json::parse(said)); };
  EXPECT(plan("null").condition == ConditionKind::label(4));
  EXPECT(plan(R"({"num_classes": 5})").condition == ConditionKind::label(5, false));
  EXPECT(plan(R"({"class_dropout_prob": 0})").condition == ConditionKind::label(5, false));
  EXPECT_ERROR(plan(R"({"num_classes": 7})"), ErrorCode::kWeightsMismatch, "num_classes 7");
  EXPECT(RaeDitConfig::infer(weights, Json::parse(R"({"num_classes": 5})")).describe() == config.describe());
  EXPECT_ERROR(GuidedPictures(*built(config), {{label(4), label(4), {3, 3}}}), ErrorCode::kInvalidArgument,
               "without a class for \"none\"");
}

TEST_CASE("autoguided models move away from the weak one") {
  c10::NoGradGuard no_grad;
  RaeDitConfig small = tiny();
  small.deep.depth = 1;
  const auto strong = built(tiny()), weak = built(small, 8);
  const Autoguided model(built(tiny()), built(small, 8));
  const at::Tensor x = at::randn({6, 3, 3}, at::kFloat);
  Guidance guidance;
  guidance.mode = GuidanceMode::kStandard;
  guidance.scale = 1.5;
  guidance.until = 0.5;
  const GuidedPictures guided(model, {{model.prepared(label(1)), model.prepared(label(5)), {3, 3}, guidance}});
  const at::Tensor one = strong->forward({x}, at::full({1}, 0.2), {label(1)})[0];
  const at::Tensor other = weak->forward({x}, at::full({1}, 0.2), {label(1)})[0];
  EXPECT_CLOSE(largest(guided.velocity({x}, when(0.2))[0] - (other + 1.5 * (one - other))), 0, 1e-5);
  EXPECT_CLOSE(largest(guided.velocity({x}, when(0.7))[0] - strong->forward({x}, at::full({1}, 0.7), {label(1)})[0]), 0,
               1e-6);
  Guidance limited;
  limited.scale = 1;
  limited.mode = GuidanceMode::kRenorm;
  limited.renorm = 0.5;
  const GuidedPictures shortened(model, {{model.prepared(label(1)), model.prepared(label(5)), {3, 3}, limited}});
  EXPECT_CLOSE(largest(shortened.velocity({x}, when(0.2))[0] - one / 2), 0, 1e-5);
  RaeDitConfig unlike = tiny();
  unlike.classes = 7;
  EXPECT_ERROR(Autoguided(built(tiny()), built(unlike)), ErrorCode::kWeightsMismatch, "conditioned on other things");
  unlike = tiny();
  unlike.channels = 8;
  EXPECT_ERROR(Autoguided(built(tiny()), built(unlike)), ErrorCode::kWeightsMismatch, "8 channels");
}

TEST_CASE("autoguided pictures of unlike times and guidance are what each is alone") {
  c10::NoGradGuard no_grad;
  RaeDitConfig small = tiny();
  small.deep.depth = 1;
  const Autoguided model(built(tiny()), built(small, 8));
  Guidance early, none;
  early.scale = 2;
  early.until = 0.5;
  none.scale = 1;
  none.renorm = 0.5;
  const std::vector<GuidedItem> items = {
      {label(1), label(5), {3, 3}, early}, {label(2), label(5), {2, 4}, early}, {label(3), label(5), {3, 3}, none}};
  const std::vector<double> times = {0.2, 0.7, 0.9};
  const auto guided = model.guide();
  std::vector<GuidedQuery> queries;
  for (size_t i = 0; i < items.size(); ++i) {
    const at::Tensor x = at::randn({6, items[i].cells.rows, items[i].cells.columns}, at::kFloat);
    queries.push_back({guided->add(items[i], times), x, when(times[i])});
  }
  const auto together = guided->velocity(queries);
  for (size_t i = 0; i < items.size(); ++i) {
    const GuidedPictures alone(model, {items[i]});
    EXPECT_CLOSE(largest(together[i] - alone.velocity({queries[i].latent}, queries[i].when)[0]), 0, 1e-5);
  }
  EXPECT_ERROR(
      model.guide()->add({label(1), label(5), {3, 3}, {.schedule = GuidanceSchedule::parse("cfg_star-1-0")}}, {}),
      ErrorCode::kInvalidArgument, "cfg_star");
}

TEST_CASE("rae_dit passes gradients to every parameter, recomputed or not") {
  const at::Tensor x = at::randn({2, 6, 3, 3}, at::kFloat), t = at::tensor({0.2F, 0.7F});
  const at::Tensor labels = at::tensor({1, 4}, at::kLong);
  TensorMap gradients;
  for (const bool recomputed : {false, true}) {
    const auto source = std::make_shared<TrainableSource>(drawn(tiny()), at::detail::createCPUGenerator(3));
    RaeDit model(Weights(source), tiny());
    if (recomputed) model.set_runner(recomputed_blocks());
    model(x, t, labels).square().sum().backward();
    for (const auto& [name, parameter] : source->parameters()) {
      EXPECT(parameter.grad().defined());
      if (recomputed) EXPECT_CLOSE(largest(parameter.grad() - gradients[name]), 0, 1e-4);
      gradients[name] = parameter.grad();
    }
  }
}

TEST_CASE("rae_dit refuses what no published model is") {
  const auto refused = [](const char* change, const char* why) {
    EXPECT_ERROR(RaeDitConfig::from_json(Json::parse(change)), ErrorCode::kInvalidConfig, why);
  };
  refused(R"({"patch_size": [2, 1]})", "only 1 is known");
  refused(R"({"num_heads": 7})", "over 7 heads");
  refused(R"({"hidden_size": [1, 2, 3]})", "a list of two");
  EXPECT_ERROR(RaeDitConfig::infer(stored({{"x", at::zeros({1})}})), ErrorCode::kWeightsMismatch,
               "no transformer of RAE");
  const auto model = built(tiny());
  EXPECT_ERROR((*model)(at::zeros({1, 7, 3, 3}), at::zeros({1}), label(0)), ErrorCode::kInvalidArgument,
               "(batch, 6, height, width)");
  EXPECT_ERROR(GuidedPictures(*model, {{label(0), label(5), {13, 3}}}), ErrorCode::kInvalidArgument, "up to 12x12");
}
