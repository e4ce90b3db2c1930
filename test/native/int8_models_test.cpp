// Models of 8-bit matrices against the same models of fp32, and against the definition of what 8 bit is to compute.
#include <c10/core/GradMode.h>

#include "core/random_weights.h"
#include "core/rng.h"
#include "golden.h"
#include "models/catalogue.h"
#include "models/conditioners/gemma2.h"
#include "ops/int8_weights.h"
#include "ops/quantise.h"
#include "tiny_dit.h"

using namespace svg;
using namespace svg::test;

namespace {

double relative(const at::Tensor& got, const at::Tensor& want) {
  return ((got - want).norm() / want.norm()).item<double>();
}

/// Rounds and multiplies by ATen's operations, and tells nobody that it is 8 bit: nothing around it is fused.
class DefinedMatrix : public Matrix {
 public:
  explicit DefinedMatrix(Int8Rows rows) : rows_(std::move(rows)) {}
  at::Tensor product(const at::Tensor& x, const at::Tensor& bias) const override {
    const at::Tensor flat = x.reshape({-1, x.size(-1)});
    const at::Tensor y = at::linear(dequantised(quantised_reference(flat)), from_int8(rows_), bias);
    std::vector<int64_t> sizes = x.sizes().vec();
    sizes.back() = out();
    return y.view(sizes);
  }
  std::shared_ptr<const Matrix> rows(int64_t start, int64_t count) const override {
    return std::make_shared<DefinedMatrix>(
        Int8Rows{rows_.values.narrow(0, start, count), rows_.scale.narrow(0, start, count)});
  }
  int64_t in() const override { return rows_.values.size(1); }
  int64_t out() const override { return rows_.values.size(0); }
  at::ScalarType dtype() const override { return at::kFloat; }
  at::Device device() const override { return at::kCPU; }
  bool trained() const override { return false; }

 private:
  Int8Rows rows_;
};

class DefinedSource : public WeightSource {
 public:
  DefinedSource(Weights inner, TakesInt8 takes) : inner_(std::move(inner)), takes_(std::move(takes)) {}
  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override {
    return inner_.get_optional(name, shape, init, role);
  }
  std::shared_ptr<const Matrix> matrix(const std::string& name, at::IntArrayRef shape, Init init) override {
    if (!takes_(name, shape)) return nullptr;
    return std::make_shared<DefinedMatrix>(to_int8(inner_.get(name, shape, init)));
  }
  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override { return inner_.shape_of(name); }
  std::string description() const override { return inner_.description(); }

 private:
  Weights inner_;
  TakesInt8 takes_;
};

template <typename Kind>
TakesInt8 takes_of(const Kind& kind) {
  return [&kind](const std::string& name, at::IntArrayRef shape) { return kind.takes_int8(name, shape); };
}

}  // namespace

TEST_CASE("int8: a NextDiT of 8-bit matrices computes what their definition says, and stays near fp32") {
  c10::NoGradGuard no_grad;
  const NextDitConfig config = tiny_config();
  const Weights weights = tiny_source(config);
  const VelocityKind& kind = velocity_kind("next-dit");
  const NextDit plain(weights, config);
  const NextDit defined(Weights(std::make_shared<DefinedSource>(weights, takes_of(kind))), config);
  const std::vector<at::Tensor> latents = {at::randn({8, 4, 6}), at::randn({8, 2, 3})};
  const std::vector<at::Tensor> captions = {at::randn({5, 24}), at::randn({2, 24})};
  const at::Tensor t = at::tensor({0.3, 0.8});
  const auto want = plain.velocities(latents, t, captions), rounded = defined.velocities(latents, t, captions);
  for (const Int8Units units : {Int8Units::kNone, int8_units()}) {
    const NextDit model(int8_weights(weights, takes_of(kind), units), config);
    EXPECT(model.dtype() == at::kFloat && model.layers[0].qkv.multiplies_int8() == (units != Int8Units::kNone));
    const auto got = model.velocities(latents, t, captions);
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT(relative(got[i], want[i]) < 0.05);
      if (units != Int8Units::kNone) EXPECT(relative(got[i], rounded[i]) < 0.01);
    }
    // Guided steps, with a table of times and some rows alone in the last block.
    EXPECT(relative(model.velocities({latents[1]}, t.narrow(0, 1, 1), {captions[1]})[0], got[1]) < 1e-3);
  }
}

TEST_CASE("int8: of a NextDiT every large matrix is 8 bit, embedders and final layer are not") {
  const VelocityKind& kind = velocity_kind("next-dit");
  const TensorMap weights = tiny_weights(tiny_config());
  int64_t taken = 0;
  for (const auto& [name, value] : weights) taken += kind.takes_int8(name, value.sizes());
  // qkv, out, w1, w2, w3 of four blocks, adaLN of the three that have one
  EXPECT(taken == 4 * 5 + 3);
  for (const char* name : {"x_embedder.weight", "cap_embedder.1.weight", "final_layer.linear.weight",
                           "final_layer.adaLN_modulation.1.weight", "t_embedder.mlp.0.weight"}) {
    EXPECT(weights.contains(name) && !kind.takes_int8(name, weights.at(name).sizes()));
  }
  EXPECT(!kind.takes_int8("layers.0.attention.qkv.weight", {4}));
}

TEST_CASE("int8: Gemma-2 encodes and writes in 8 bit") {
  c10::NoGradGuard no_grad;
  const Gemma2Config config = Gemma2Config::from_json(GoldenCase(golden_folder("gemma2-text-encoder")).config());
  const auto drawn = [] {
    return Weights(std::make_shared<RandomWeights>(seeded_generator(5), RandomWeights::Values::kRandom));
  };
  const ConditionerKind& kind = conditioner_kinds().front();
  const Gemma2 plain(drawn(), config);
  Gemma2 model(int8_weights(drawn(), takes_of(kind)), config);
  const Gemma2 defined(Weights(std::make_shared<DefinedSource>(drawn(), takes_of(kind))), config);
  const std::vector<std::vector<int64_t>> prompts = {{2, 9, 16, 23, 30}, {2}};
  const auto want = plain.encode(prompts), rounded = defined.encode(prompts), got = model.encode(prompts);
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT(relative(got[i], want[i]) < 0.05);
    if (int8_units() != Int8Units::kNone) EXPECT(relative(got[i], rounded[i]) < 0.01);
  }
  // One token at a time gives what all at once give.
  const std::vector<int64_t> written = model.generate(prompts[0], 3);
  EXPECT(written.size() > prompts[0].size());
  std::vector<int64_t> again = prompts[0];
  while (again.size() < written.size()) again.push_back(model.next_token_logits(again).argmax().item<int64_t>());
  EXPECT(again == written);
}
