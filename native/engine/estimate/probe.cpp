#include "engine/estimate/probe.h"

#include <algorithm>
#include <bit>

#include "core/cancel.h"
#include "core/stopwatch.h"
#include "ops/attention.h"
#include "ops/int8_matrix.h"
#include "ops/layer_product.h"
#include "ops/swiglu.h"

namespace svg {
namespace {

/// From so many rows on, time grows with them.
constexpr int64_t kManyRows = 256;
constexpr int64_t kFewestRows = 32;
/// What is less of all the work is not tried: it has the mean speed.
constexpr double kLeastShare = 0.002;
constexpr int64_t kPassRows = 2048, kPassColumns = 2048;
constexpr int kCalls = 200, kTinySide = 8;

enum ProbeKind : int { kProduct, kInt8Product, kAttention, kConvolution };

int64_t rows_alike(int64_t rows) {
  return std::min(kManyRows, static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(rows, 1)))));
}

double real_of(int64_t value) { return static_cast<double>(value); }

using ProbeShape = std::tuple<int, at::ScalarType, int64_t, int64_t, int64_t, int64_t, int64_t>;

ProbeShape shape_in(const Work::Product& one, const Precision& precision) {
  return {precision.int8 ? kInt8Product : kProduct, precision.compute, rows_alike(one.rows), one.in, one.out, 0, 0};
}
ProbeShape shape_in(const Work::Attention& one, const Precision& precision) {
  return {kAttention, precision.compute, rows_alike(one.queries), one.keys, one.heads, one.kv_heads, one.head_dim};
}
ProbeShape shape_in(const Work::Convolution& one, const Precision& precision) {
  return {kConvolution, precision.compute, one.columns, one.in, one.out, one.kernel, 0};
}

int64_t units_of(const Work::Product& one) { return one.rows; }
int64_t units_of(const Work::Attention& one) { return one.queries; }
int64_t units_of(const Work::Convolution& one) { return one.rows; }

template <typename One>
double flops_of(One one) {
  one.times = 1;
  Work alone;
  if constexpr (std::is_same_v<One, Work::Product>) {
    alone.products = {one};
  } else if constexpr (std::is_same_v<One, Work::Attention>) {
    alone.attentions = {one};
  } else {
    alone.convolutions = {one};
  }
  return alone.flops();
}

/// Calls `body` with everything in it, one after the other.
template <typename Body>
void for_each_of(const Work& work, const Body& body) {
  for (const Work::Product& one : work.products) body(one);
  for (const Work::Attention& one : work.attentions) body(one);
  for (const Work::Convolution& one : work.convolutions) body(one);
}

}  // namespace

Probe::Probe(const std::vector<ProbedWork>& works, at::Device device, at::ScalarType dtype, double seconds)
    : device_(device) {
  for (const ProbedWork& probed : works) collect(probed);
  double all = 0;
  for (const auto& [shape, entry] : entries_) all += entry.flops;
  std::vector<std::pair<const Shape*, Entry*>> tried;
  for (auto& [shape, entry] : entries_) {
    if (entry.flops >= kLeastShare * all) tried.emplace_back(&shape, &entry);
  }
  try_passes(dtype);
  // Each is run twice for as long as it may take, after runs on fewer rows.
  const double patience = seconds / (2.5 * real_of(std::max<int64_t>(1, static_cast<int64_t>(tried.size()))));
  double tried_flops = 0, tried_seconds = 0;
  for (const auto& [shape, entry] : tried) {
    check_cancelled();
    entry->seconds_a_unit = try_entry(*shape, *entry, patience);
    tried_flops += entry->flops;
    tried_seconds += entry->flops / entry->flops_a_unit * entry->seconds_a_unit;
  }
  seconds_a_flop_ = tried_flops > 0 ? tried_seconds / tried_flops : 0;
}

void Probe::collect(const ProbedWork& probed) {
  for_each_of(*probed.work, [&](const auto& one) {
    Entry& entry = entries_[shape_in(one, probed.precision)];
    const double flops = flops_of(one);
    entry.flops += one.times * flops;
    if (units_of(one) <= entry.most) return;
    entry.most = units_of(one);
    entry.flops_a_unit = flops / real_of(units_of(one));
  });
}

at::Tensor Probe::filled(at::IntArrayRef shape, at::ScalarType dtype) const {
  const at::TensorOptions options = at::device(device_).dtype(dtype);
  // A GPU that multiplies the same number over and over draws less power, and is faster than it is.
  return device_.is_cuda() ? at::randn(shape, options).mul_(0.1) : at::full(shape, 0.01, options);
}

void Probe::try_passes(at::ScalarType dtype) {
  const at::Tensor gate = filled({kPassRows, kPassColumns}, dtype), tiny = filled({kTinySide, kTinySide}, dtype);
  const double bytes = 3 * real_of(gate.numel()) * real_of(gate.element_size());
  swiglu(gate, gate);
  swiglu(tiny, tiny);
  Stopwatch watch(device_);
  swiglu(gate, gate);
  const double first = watch.lap();
  swiglu(gate, gate);
  seconds_a_byte_ = std::min(first, watch.lap()) / bytes;
  watch.lap();
  for (int i = 0; i < kCalls; ++i) swiglu(tiny, tiny);
  seconds_a_call_ = watch.lap() / kCalls;
}

std::function<void()> Probe::prepared(const Shape& shape, int64_t units) const {
  const auto [kind, dtype, first, second, third, fourth, fifth] = shape;
  if (kind == kProduct) {
    return [x = filled({units, second}, dtype), layer = LayerTensors{filled({third, second}, dtype), {}}] {
      layer_product(x, layer);
    };
  }
  if (kind == kInt8Product) return prepared_int8(units, second, third);
  if (kind == kAttention) {
    return [q = filled({1, units, third, fifth}, dtype), k = filled({1, second, fourth, fifth}, dtype),
            v = filled({1, second, fourth, fifth}, dtype)] { svg::attention(q, k, v); };
  }
  const int64_t kernel = fourth;
  const auto layout = at::MemoryFormat::ChannelsLast;
  return [x = filled({1, second, units, first}, dtype).contiguous(layout),
          weight = filled({third, second, kernel, kernel}, dtype).contiguous(layout),
          padding = kernel / 2] { at::conv2d(x, weight, {}, 1, padding); };
}

std::function<void()> Probe::prepared_int8(int64_t units, int64_t in, int64_t out) const {
  if (!packed_ || packed_->in() != in || packed_->out() != out) {
    packed_ = int8_matrix({at::ones({out, in}, at::kChar), at::full({out}, 0.01)});
  }
  return [x = filled({units, in}, at::kFloat), matrix = packed_] { matrix->product(x, {}); };
}

double Probe::try_entry(const Shape& shape, const Entry& entry, double patience) const {
  int64_t units = std::min(entry.most, kFewestRows);
  while (true) {
    const std::function<void()> run = prepared(shape, units);
    run();  // compiles what is compiled for a shape
    Stopwatch watch(device_);
    run();
    double seconds = watch.lap();
    if (seconds < patience / 4) {
      run();
      seconds = std::min(seconds, watch.lap());
    }
    if (units == entry.most || seconds >= patience / 2) return seconds / real_of(units);
    const double fitting = real_of(units) * patience / std::max(seconds, 1e-7);
    units = std::min(entry.most, std::max(2 * units, static_cast<int64_t>(std::min(fitting, 1e12))));
  }
}

double Probe::seconds_of(const ProbedWork& probed) const {
  const Work& work = *probed.work;
  double seconds = work.pass_bytes * seconds_a_byte_ + work.passes * seconds_a_call_;
  for_each_of(work, [&](const auto& one) {
    const auto found = entries_.find(shape_in(one, probed.precision));
    const bool tried = found != entries_.end() && found->second.seconds_a_unit > 0;
    const double once = tried ? real_of(units_of(one)) * found->second.seconds_a_unit
                              : flops_of(one) * seconds_a_flop_ + seconds_a_call_;
    seconds += one.times * once;
  });
  return seconds;
}

}  // namespace svg
