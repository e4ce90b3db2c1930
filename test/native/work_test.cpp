// Counted work: against published counts of the published models, and against what the models really ask for.
#include "models/work.h"

#include "check.h"
#include "models/autoencoder.h"
#include "models/catalogue.h"
#include "models/counted_weights.h"
#include "models/next_dit/work.h"
#include "shapes_only.h"

using namespace svg;
using svg::test::ShapesOnly;

namespace {

VelocityLoad one_picture(int64_t side, int64_t tokens, bool guided = true) {
  VelocityLoad load;
  load.pictures = {{{side, side}, tokens, 1}};
  load.guided = guided;
  return load;
}

void expect_close(double got, double wanted, double tolerance) {
  if (std::abs(got - wanted) <= tolerance * wanted) return;
  throw test::Failure{concat(got, " is not ", wanted, " within ", 100 * tolerance, " %")};
}

template <typename Plan>
WeightCount counted(const Plan& plan) {
  const auto source = std::make_shared<CountedWeights>();
  plan.build(Weights(source));
  return source->count();
}

}  // namespace

TEST_CASE("work: the 2B's step, decoder and text encoder do what their dimensions say") {
  // Counted by hand from arXiv 2512.11749, table 2: TFLOP of a guided step, of a decoding, of a prompt.
  const NextDitConfig dit = NextDitConfig::preset("2B");
  expect_close(next_dit_work(dit, one_picture(16, 128)).flops(), 2.70e12, 0.02);
  expect_close(next_dit_work(dit, one_picture(32, 128)).flops(), 9.69e12, 0.02);
  expect_close(next_dit_work(dit, one_picture(64, 128)).flops(), 43.50e12, 0.02);
  expect_close(next_dit_work(dit, one_picture(64, 256)).flops(), 44.25e12, 0.02);
  const DecoderPlan decoder = decoder_kind("conv").from_json(Json::object());
  expect_close(decoder.work({16, 16}, 4).flops(), 0.25e12, 0.05);
  expect_close(decoder.work({64, 64}, 4).flops(), 4.18e12, 0.03);
}

TEST_CASE("work: pictures of a batch add up, and guidance costs about as much again") {
  const NextDitConfig dit = NextDitConfig::preset("0.8B");
  const Work one = next_dit_work(dit, one_picture(32, 100));
  VelocityLoad two = one_picture(32, 100);
  two.pictures.push_back(two.pictures[0]);
  expect_close(next_dit_work(dit, two).flops(), 2 * one.flops(), 0.001);
  const double plain = next_dit_work(dit, one_picture(32, 100, false)).flops();
  EXPECT(one.flops() > 1.8 * plain && one.flops() < 2.0 * plain);
  EXPECT(next_dit_work(dit, two).peak_bytes > 1.9 * static_cast<double>(one.peak_bytes - 60'000'000));
  EXPECT(next_dit_work(dit, {two.pictures, true, 2}).peak_bytes < next_dit_work(dit, two).peak_bytes);
}

TEST_CASE("work: equal pieces are one entry, and added works keep the larger peak") {
  Work first;
  first.product(4, 8, 16);
  first.product(4, 8, 16, 2);
  first.hold(100);
  Work second;
  second.product(4, 8, 16);
  second.attention({2, 3, 4, 2, 8, 1});
  second.convolution({2, 2, 3, 5, 3, 1});
  second.hold(70);
  first.add(second, 3);
  EXPECT(first.products.size() == 1 && first.products[0].times == 6);
  EXPECT(first.peak_bytes == 100);
  EXPECT(first.flops() == 6 * 2.0 * 4 * 8 * 16 + 3 * 4.0 * 2 * 3 * 4 * 8 + 3 * 2.0 * 4 * 3 * 5 * 9);
}

TEST_CASE("work: every kind counts its work, and more for more cells") {
  for (const VelocityKind& kind : velocity_kinds()) {
    const VelocityPlan plan = kind.from_json(Json::object());
    const double small = plan.work(one_picture(16, 16)).flops(), large = plan.work(one_picture(32, 16)).flops();
    EXPECT(large > 3 * small && large < 6 * small);
  }
  for (const DecoderKind& kind : decoder_kinds()) {
    const DecoderPlan plan = kind.from_json(Json::object());
    EXPECT(plan.work({32, 32}, 4).flops() > 3 * plan.work({16, 16}, 4).flops());
    EXPECT(plan.work({32, 32}, 2).peak_bytes < plan.work({32, 32}, 4).peak_bytes);
  }
}

TEST_CASE("counted weights: a model is as large as its own count of parameters") {
  for (const char* name : {"0.8B", "2B", "7B"}) {
    const VelocityPlan plan = velocity_kind("next-dit").from_json(Json::object().set("arch", name));
    const WeightCount count = counted(plan);
    // A norm is stored that nobody applies.
    expect_close(static_cast<double>(count.parameters()),
                 static_cast<double>(NextDitConfig::preset(name).parameter_count()), 1e-4);
    EXPECT(count.bytes(2) < count.bytes(4) && count.bytes(2) > 2 * count.parameters());
  }
}

TEST_CASE("counted weights: names of a file decide, and a 3-D kernel counts as one of its layers") {
  const auto file = std::make_shared<ShapesOnly>();
  file->shapes["here"] = {4, 2};
  CountedWeights counted{Weights(file)};
  EXPECT(!counted.find("absent", {4, 2}, Init::zeros(), Role::kMatrix).defined());
  EXPECT(counted.find("here", {4, 2}, Init::zeros(), Role::kMatrix).sizes() == at::IntArrayRef({4, 2}));
  counted.find("here", {4, 2}, Init::zeros(), Role::kMatrix);
  EXPECT(counted.count().matrices == 8);
  CountedWeights free;
  free.find("kernel", {4, 2, 3, 3, 3}, Init::zeros(), Role::kMatrix);
  free.find("table", {10, 2}, Init::zeros(), Role::kTable);
  free.find("norm", {5}, Init::ones(), Role::kExact);
  EXPECT(free.count().matrices == 72 && free.count().tables == 20 && free.count().exact == 5);
  EXPECT(free.count().bytes(2) == 2 * 72 + 4 * 5);
}
