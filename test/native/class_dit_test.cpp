#include "models/class_dit/class_dit.h"

#include <c10/core/GradMode.h>

#include "check.h"
#include "golden.h"
#include "models/conditioners/labels.h"
#include "models/guided_pictures.h"
#include "models/label_table.h"

namespace {

svg::ClassDitConfig tiny_class_dit() {
  svg::ClassDitConfig config;
  config.in_channels = 6;
  config.hidden_size = 16;
  config.depth = 2;
  config.heads = 2;
  config.head_dim = 8;
  config.mlp_hidden = 40;
  config.num_classes = 5;
  config.side = 4;
  return config;
}

svg::TensorMap drawn(const svg::ClassDitConfig& config) {
  const auto source =
      std::make_shared<svg::TrainableSource>(class_dit_buffers(config), at::detail::createCPUGenerator(3));
  const svg::ClassDit model(svg::Weights(source), config);
  svg::TensorMap weights = source->buffers();
  at::Generator generator = at::detail::createCPUGenerator(4);
  for (const auto& [name, value] : source->parameters()) {
    weights[name] = 0.2 * at::randn(value.sizes(), generator, at::TensorOptions().dtype(at::kFloat));
  }
  return weights;
}

svg::Weights source_of(svg::TensorMap weights) {
  return svg::Weights(std::make_shared<svg::MapSource>(std::move(weights), "tiny weights"));
}

double difference(const at::Tensor& left, const at::Tensor& right) { return (left - right).abs().max().item<double>(); }

}  // namespace

TEST_CASE("class_dit: the golden case") { svg::test::expect_golden("svg-dit-heun-star"); }

TEST_CASE("class_dit: presets are of the published sizes") {
  const auto millions = [](const char* name) {
    svg::ClassDitConfig config = svg::ClassDitConfig::preset(name);
    config.check();
    return config.parameter_count() / 1'000'000;
  };
  EXPECT(millions("B") == 131 && millions("L") == 459 && millions("XL") == 676);
  EXPECT_ERROR(svg::ClassDitConfig::preset("XXL"), svg::ErrorCode::kInvalidArgument, "no preset \"XXL\"");
}

TEST_CASE("class_dit: every option is told by names and shapes, and asks for as many parameters as it counts") {
  for (const int options : {0, 1, 2, 3, 4, 5, 6, 7}) {
    svg::ClassDitConfig want = tiny_class_dit();
    want.qk_norm = options & 1;
    want.swiglu = options & 2;
    want.learn_sigma = options & 4;
    want.head_dim = options & 1 ? 6 : 8;  // narrower than hidden_size / heads
    const svg::TensorMap weights = drawn(want);
    int64_t count = 0;
    for (const auto& entry : weights) count += entry.first == "pos_embed" ? 0 : entry.second.numel();
    EXPECT(count == want.parameter_count());
    const svg::Json given = want.qk_norm ? svg::Json::object() : svg::Json::object().set("num_heads", 2);
    const svg::ClassDitConfig got = svg::ClassDitConfig::infer(source_of(weights), given);
    EXPECT(got.qk_norm == want.qk_norm && got.swiglu == want.swiglu && got.learn_sigma == want.learn_sigma);
    EXPECT(got.heads == 2 && got.head_dim == want.head_dim && got.mlp_hidden == 40 && got.depth == 2);
    EXPECT(got.num_classes == 5 && got.null_class && got.side == 4 && got.in_channels == 6);
  }
}

TEST_CASE("class_dit: what the configuration says must agree with the weights") {
  const svg::Weights weights = source_of(drawn(tiny_class_dit()));
  const auto infer = [&](const char* key, svg::Json value) {
    return svg::ClassDitConfig::infer(weights, svg::Json::object().set(key, std::move(value)));
  };
  EXPECT_ERROR(infer("depth", 3), svg::ErrorCode::kWeightsMismatch, "depth 3");
  EXPECT_ERROR(infer("qk_norm", false), svg::ErrorCode::kWeightsMismatch, "qk_norm false");
  EXPECT_ERROR(infer("num_classes", 7), svg::ErrorCode::kWeightsMismatch, "num_classes 7");
  svg::ClassDitConfig bare = tiny_class_dit();
  bare.qk_norm = false;
  EXPECT_ERROR(svg::ClassDitConfig::infer(source_of(drawn(bare))), svg::ErrorCode::kInvalidConfig, "give num_heads");
  EXPECT_ERROR(svg::ClassDitConfig::infer(source_of({})), svg::ErrorCode::kWeightsMismatch, "holds no class");
}

TEST_CASE("class_dit: whether the last label is \"none\" is said, or told by the size of the table") {
  const auto table = [](int64_t rows, const char* said) {
    return svg::label_table(source_of({{svg::kLabelTable, at::zeros({rows, 2})}}), svg::Json::parse(said));
  };
  const auto is = [](const svg::LabelTable& got, int64_t classes, bool none) {
    return got.classes == classes && got.none == none;
  };
  EXPECT(is(table(1001, "null"), 1000, true) && is(table(6, "{}"), 5, true) && is(table(1000, "{}"), 1000, false));
  EXPECT(is(table(6, R"({"num_classes": 6})"), 6, false) && is(table(6, R"({"num_classes": 5})"), 5, true));
  EXPECT(is(table(1000, R"({"num_classes": 999})"), 999, true));
  EXPECT(is(table(1000, R"({"class_dropout_prob": 0.1})"), 999, true));
  EXPECT(is(table(1001, R"({"class_dropout_prob": 0})"), 1001, false));
  EXPECT(is(table(6, R"({"num_classes": 6, "class_dropout_prob": 0})"), 6, false));
  EXPECT(table(1000, "null").remark.find("1000 classes without one for \"none\"") != std::string::npos);
  EXPECT(table(1000, R"({"num_classes": 1000})").remark.empty() && table(1001, "null").remark.empty());
  EXPECT_ERROR(table(6, R"({"num_classes": 6, "class_dropout_prob": 0.1})"), svg::ErrorCode::kWeightsMismatch,
               "num_classes 6 and class_dropout_prob 0.1, the weights have a table of 6 labels");
  EXPECT_ERROR(table(6, R"({"num_classes": 4})"), svg::ErrorCode::kWeightsMismatch, "num_classes 4, the weights have");
  EXPECT_ERROR(svg::label_table(source_of({}), svg::Json()), svg::ErrorCode::kWeightsMismatch, "no table of labels");
}

TEST_CASE("class_dit: a model without \"none\" draws every class, and is guided by a weaker one alone") {
  c10::NoGradGuard no_grad;
  svg::ClassDitConfig config = tiny_class_dit();
  config.null_class = false;
  const svg::Weights weights = source_of(drawn(config));
  const svg::VelocityPlan plan = svg::svg_dit_kind().infer(weights, {}, svg::Json::object().set("num_classes", 5));
  EXPECT(plan.condition == svg::ConditionKind::label(5, false) && plan.remark.empty());
  EXPECT(plan.dimensions.get_double("class_dropout_prob", 1) == 0);
  const auto model = plan.build(weights);
  const at::Tensor last = at::full({1}, 4, at::kLong), none = at::full({1}, 5, at::kLong);
  EXPECT(model->forward({at::randn({6, 4, 4})}, at::full({1}, 0.5), {last})[0].isfinite().all().item<bool>());
  EXPECT_ERROR(model->forward({at::randn({6, 4, 4})}, at::full({1}, 0.5), {none}), svg::ErrorCode::kInvalidArgument,
               "knows the classes 0 to 4, not 5");
  const auto guide = [&](double scale, const char* schedule) {
    svg::Guidance guidance;
    guidance.scale = scale;
    guidance.schedule = svg::GuidanceSchedule::parse(schedule);
    return model->guide()->add({last, last, {4, 4}, guidance}, {});
  };
  EXPECT(guide(1, "constant") == 0 && guide(1, "cfg_star-2-0") == 0);
  EXPECT_ERROR(guide(4, "constant"), svg::ErrorCode::kInvalidArgument, "without a class for \"none\"");
  EXPECT_ERROR(guide(1, "cfg_star-2-0.5"), svg::ErrorCode::kInvalidArgument, "without a class for \"none\"");
}

TEST_CASE("class_dit: latents of unlike sizes in one batch are what each is alone") {
  c10::NoGradGuard no_grad;
  const svg::ClassDitConfig config = tiny_class_dit();
  const svg::ClassDit model(source_of(drawn(config)), config);
  const std::vector<at::Tensor> latents = {at::randn({6, 4, 4}), at::randn({6, 2, 8}), at::randn({6, 4, 4}),
                                           at::randn({6, 5, 3})};
  const std::vector<at::Tensor> labels = svg::Labels(5).encode({{0}, {4}, {5}, {2}});
  const at::Tensor t = at::tensor({0.1, 0.4, 0.7, 0.9}).to(at::kFloat);
  const auto together = model.forward(latents, t, labels);
  for (size_t i = 0; i < latents.size(); ++i) {
    const auto alone = model.forward({latents[i]}, t.narrow(0, static_cast<int64_t>(i), 1), {labels[i]});
    EXPECT(together[i].sizes() == latents[i].sizes());
    EXPECT(difference(together[i], alone[0]) < 1e-5);
  }
  // As many cells in another shape are no square of the stored positions.
  EXPECT(difference(model.forward({latents[0].reshape({6, 2, 8})}, t.narrow(0, 0, 1), {labels[0]})[0].flatten(),
                    together[0].flatten()) > 1e-3);
}

TEST_CASE("class_dit: positions of the weights' own have no other grid") {
  c10::NoGradGuard no_grad;
  const svg::ClassDitConfig config = tiny_class_dit();
  svg::TensorMap weights = drawn(config);
  weights["pos_embed"] = at::randn({1, 16, 16});
  const svg::ClassDit model(source_of(weights), config);
  const at::Tensor t = at::full({1}, 0.5), label = at::zeros({1}, at::kLong);
  EXPECT(model.most_cells().rows == 4);
  EXPECT(model.forward({at::randn({6, 4, 4})}, t, {label})[0].isfinite().all().item<bool>());
  EXPECT_ERROR(model.forward({at::randn({6, 4, 5})}, t, {label}), svg::ErrorCode::kInvalidArgument,
               "hold positions of their own for 4 x 4");
}

TEST_CASE("class_dit: classes that it does not know are refused") {
  c10::NoGradGuard no_grad;
  const svg::ClassDitConfig config = tiny_class_dit();
  const svg::ClassDit model(source_of(drawn(config)), config);
  const at::Tensor t = at::full({1}, 0.5);
  EXPECT_ERROR(model.forward({at::randn({6, 4, 4})}, t, {at::full({1}, 6, at::kLong)}),
               svg::ErrorCode::kInvalidArgument, "0 to 4");
  EXPECT_ERROR(svg::Labels(5).encode({{6}}), svg::ErrorCode::kInvalidArgument, "0 to 4");
  EXPECT_ERROR(svg::Labels(5).encode({{1, 2}}), svg::ErrorCode::kInvalidArgument, "the classes 0 to 4");
}

TEST_CASE("class_dit: a fresh model gives no velocity, and every parameter learns") {
  const svg::ClassDitConfig config = tiny_class_dit();
  svg::TensorMap weights = drawn(config);
  const auto source = std::make_shared<svg::TrainableSource>(weights, at::detail::createCPUGenerator(1));
  const svg::ClassDit model(svg::Weights(source), config);
  const at::Tensor latent = at::randn({6, 4, 4});
  model.forward({latent}, at::full({1}, 0.3), {at::full({1}, 2, at::kLong)})[0].square().mean().backward();
  for (const auto& [name, parameter] : source->parameters()) EXPECT(parameter.grad().defined());
  EXPECT(source->parameters().count("pos_embed") == 0 && source->buffers().count("pos_embed") == 1);

  const auto fresh = std::make_shared<svg::TrainableSource>(svg::TensorMap{}, at::detail::createCPUGenerator(1));
  const svg::ClassDit untrained{svg::Weights(fresh), config};
  const auto velocity = untrained.forward({latent}, at::full({1}, 0.3), {at::full({1}, 2, at::kLong)});
  EXPECT(velocity[0].abs().max().item<double>() == 0);
}

TEST_CASE("class_dit: what a schedule leaves out is not computed") {
  c10::NoGradGuard no_grad;
  const svg::ClassDitConfig config = tiny_class_dit();
  const svg::ClassDit model(source_of(drawn(config)), config);
  const at::Tensor latent = at::randn({6, 4, 4}), label = at::full({1}, 2, at::kLong),
                   none = at::full({1}, 5, at::kLong);
  const auto velocity = [&](const std::string& schedule, int64_t step, double t) {
    svg::Guidance guidance;
    guidance.mode = svg::GuidanceMode::kStandard;
    guidance.scale = 3;
    guidance.schedule = svg::GuidanceSchedule::parse(schedule);
    return svg::GuidedPictures(model, {{label, none, {4, 4}, guidance}}).velocity({latent}, {t, step, 4})[0];
  };
  const auto plain = [&](double t, const at::Tensor& condition) {
    return model.forward({latent}, at::full({1}, t), {condition})[0];
  };
  const at::Tensor guided = plain(0.25, none) + 3 * (plain(0.25, label) - plain(0.25, none));
  EXPECT(difference(velocity("constant", 1, 0.25), guided) < 1e-4);
  EXPECT(difference(velocity("late", 1, 0.25), plain(0.25, label)) < 1e-5);
  EXPECT(difference(velocity("late", 2, 0.25), guided) < 1e-4);
  EXPECT(difference(velocity("early-0.25", 1, 0.25), plain(0.25, label)) < 1e-5);
  EXPECT(velocity("cfg_star-1-0", 0, 0.25).abs().max().item<double>() == 0);
  EXPECT(difference(velocity("cfg_star-2-0.5", 1, 0.25), -0.5 * plain(0.25, none)) < 1e-5);
  EXPECT(difference(velocity("cfg_star-2-0.5", 2, 0.25), guided) < 1e-4);
}
