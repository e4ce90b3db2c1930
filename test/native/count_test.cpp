// The counted cost model: what counts, and that the 2B has a GPU do no more than it did.
#include "bench/count.h"

#include <c10/core/GradMode.h>

#include <cstdio>

#include "bench/count_launches.h"
#include "check.h"
#include "ops/attention.h"
#include "ops/swiglu.h"

using svg::Json;
using svg::LaunchCount;
using svg::LaunchKind;
using svg::OpCount;
using svg::OpCounts;

namespace {

at::Tensor meta(at::IntArrayRef shape, at::ScalarType dtype = at::kFloat) {
  return at::empty(shape, at::device(at::kMeta).dtype(dtype));
}

const OpCount& one_of(const OpCounts& counts, const std::string& name) {
  const auto found = counts.find(name);
  if (found == counts.end()) throw svg::test::Failure{"nothing was counted of " + name};
  return found->second;
}

/// Fails with the operations that a step is made of, where it has come to launch more.
void expect_at_most(const Json& side, int64_t launches, const char* what) {
  const int64_t got = side.at("launches").as_int();
  if (got <= launches) return;
  std::string text = svg::concat(what, ": ", got, " launches, ", launches, " are allowed:");
  for (const Json& one : side.at("operations").as_array()) {
    text += svg::concat("\n  ", one.at("name").as_string(), ": ", one.at("launches").as_int());
  }
  throw svg::test::Failure{text};
}

double flops(const Json& side) { return side.at("productFlops").as_double() + side.at("attentionFlops").as_double(); }

double pass_share(const Json& counted) {
  return counted.at("ours").at("passBytes").as_double() / counted.at("plain").at("passBytes").as_double();
}

constexpr double kTera = 1e12;

}  // namespace

TEST_CASE("count: products by their shapes, passes by their bytes, views not at all") {
  c10::NoGradGuard no_grad;
  const LaunchCount count;
  const at::Tensor x = meta({6, 8}, at::kBFloat16), weight = meta({4, 8}, at::kBFloat16);
  at::linear(x.view({2, 3, 8}).flatten(0, 1), weight);
  at::add(x, meta({8}, at::kBFloat16).expand({6, 8}));
  at::zeros({5}, at::device(at::kMeta));
  at::index_select(x, 0, at::empty({2}, at::device(at::kMeta).dtype(at::kLong)));
  svg::swiglu(x, x);
  at::add(at::ones({3}), at::ones({3}));  // on the host
  const OpCounts& counts = count.operations();
  const OpCount& product = one_of(counts, "aten::mm");
  EXPECT(product.kind == LaunchKind::kProduct && product.launches == 1 && product.flops == 2 * 6 * 8 * 4);
  EXPECT(one_of(counts, "aten::add").launches == 1 && one_of(counts, "aten::add").bytes == 2 * (48 + 8 + 48));
  EXPECT(one_of(counts, "aten::zero_").bytes == 4 * 5);
  EXPECT(one_of(counts, "aten::index_select").bytes == 8 * 2 + 2 * (16 + 16));
  EXPECT(one_of(counts, "swiglu").bytes == 3 * 2 * 48);
  EXPECT(counts.size() == 5);
}

TEST_CASE("count: copies to a GPU, and the values that the host waits for") {
  const LaunchCount count;
  at::ones({4}).to(at::kMeta);
  EXPECT(meta({}).item<double>() == 1);
  EXPECT(at::equal(meta({2}).to(at::kCPU), at::ones({2})));
  const OpCounts& counts = count.operations();
  EXPECT(one_of(counts, "copy from the host").bytes == 4 * 4);
  EXPECT(one_of(counts, "read by the host").kind == LaunchKind::kHostRead);
  EXPECT(one_of(counts, "read by the host").launches == 2 && counts.size() == 2);
}

TEST_CASE("count: attention is one kernel, its gradient has twice its work") {
  const at::Tensor q = meta({1, 10, 4, 8}).requires_grad_(true), k = meta({1, 12, 2, 8}), v = meta({1, 12, 2, 8});
  const LaunchCount count;
  svg::attention(q, k, v).sum().backward();
  const double forward = 4.0 * 4 * 10 * 12 * 8;
  EXPECT(one_of(count.operations(), "aten::scaled_dot_product_attention").flops == forward);
  EXPECT(one_of(count.operations(), "aten::scaled_dot_product_attention").launches == 1);
  EXPECT(one_of(count.operations(), "aten::scaled_dot_product_attention_backward").flops == 2 * forward);
}

TEST_CASE("count: outside of a count, meta tensors have no values") {
  { const LaunchCount count; }
  bool refused = false;
  try {
    meta({}).item<double>();
  } catch (const std::exception&) {
    refused = true;
  }
  EXPECT(refused);
}

TEST_CASE("count: a guided step of the 2B multiplies no more than it must") {
  // What no exact method is below, by hand: 77.9 M weights a block, attention, and of the last block the picture's
  // rows.
  const struct {
    int64_t cells;
    double least;
    int64_t launches;  // two more a layer where long segments attend one by one
  } rows[] = {{16, 2.70, 280}, {32, 9.69, 280}, {64, 43.50, 332}};
  for (const auto& [cells, least, launches] : rows) {
    const Json counted = svg::count_sampling({}, {cells, 128});
    const Json& ours = counted.at("ours");
    EXPECT_CLOSE(flops(ours) / kTera, least, 0.005 * least);
    // The least has a step's share of the modulation, which is computed for all times at once before this step.
    EXPECT_CLOSE(flops(ours), counted.at("leastFlops").as_double(), 3e-4 * flops(ours));
    expect_at_most(ours, launches, "a guided step");
    EXPECT(pass_share(counted) <= 0.2);
    EXPECT(ours.at("hostReads").as_int() == 0 && ours.at("uploads").as_int() == 0);
  }
}

TEST_CASE("count: gradients of a picture take three times the products of its velocity") {
  c10::NoGradGuard no_grad;  // as in the engine's thread
  const struct {
    int64_t cells;
    double least;
  } rows[] = {{16, 5.14}, {32, 16.10}, {64, 69.05}};
  for (const auto& [cells, least] : rows) {
    const Json counted = svg::count_gradients({}, {cells, 128});
    EXPECT_CLOSE(flops(counted.at("ours")), counted.at("leastFlops").as_double(), 1e-3 * least * kTera);
    EXPECT_CLOSE(flops(counted.at("ours")) / kTera, least, 0.02 * least);
  }
}

TEST_CASE("count: the update writes each parameter once more for each thing that is kept of it") {
  c10::NoGradGuard no_grad;
  const Json counted = svg::count_update({});
  EXPECT(flops(counted.at("ours")) < 1e9);
  expect_at_most(counted.at("ours"), 160, "an update");
  EXPECT(pass_share(counted) < 0.5);
  EXPECT(counted.at("ours").at("hostReads").as_int() == 0);
}
