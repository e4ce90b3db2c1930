#include "bench/count_launches.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <mutex>

#include "bench/count_meta.h"
#include "bench/count_ops.h"
#include "core/error.h"

namespace svg {
namespace {

thread_local LaunchCount* counting = nullptr;

std::mutex& one_at_a_time() {
  static std::mutex mutex;
  return mutex;
}

bool any_meta(const std::vector<at::Tensor>& tensors) {
  return std::any_of(tensors.begin(), tensors.end(), [](const at::Tensor& x) { return x.defined() && x.is_meta(); });
}

double bytes_on_device(const c10::IValue& value) {
  double bytes = 0;
  for (const at::Tensor& tensor : tensors_in(value)) {
    if (tensor.defined() && tensor.is_meta()) bytes += bytes_of(tensor);
  }
  return bytes;
}

/// Of a copy that leaves one memory for the other.
std::optional<LaunchKind> crossing(const std::string& operation, const std::vector<c10::IValue>& inputs) {
  if (operation == "aten::_local_scalar_dense") return LaunchKind::kHostRead;
  if (operation != "aten::copy_") return std::nullopt;
  const bool to_device = inputs[0].toTensor().is_meta(), from_device = inputs[1].toTensor().is_meta();
  if (to_device == from_device) return std::nullopt;
  return to_device ? LaunchKind::kUpload : LaunchKind::kHostRead;
}

}  // namespace

/// The kernels for meta tensors, and the turn to have them.
struct LaunchCount::Registered {
  explicit Registered(MetaKernels::Tell tell) : kernels(std::move(tell)) {}

  std::lock_guard<std::mutex> turn{one_at_a_time()};
  MetaKernels kernels;
};

/// One operation that runs.
struct LaunchCount::Frame {
  std::string name;
  std::vector<c10::IValue> inputs;
  double read_bytes = 0, written_bytes = 0;  // of the inputs
  bool known = false;                        // an operation with a schema, outside of one that counts as a whole
  bool silent = false;                       // launches nothing itself
  bool inside_whole = false;
  bool launched_inside = false;  // then it is made of others
};

LaunchCount::LaunchCount()
    : registered_(std::make_unique<Registered>([this](const char* name, const OpCount& count) { add(name, count); })) {
  counting = this;
  callback_ = at::addThreadLocalCallback(
      at::RecordFunctionCallback(begin, end).needsInputs(true).needsOutputs(true).scopes({at::RecordScope::FUNCTION}));
}

LaunchCount::~LaunchCount() {
  at::removeCallback(callback_);
  counting = nullptr;
}

std::unique_ptr<at::ObserverContext> LaunchCount::begin(const at::RecordFunction& function) {
  if (counting) counting->enter(function);
  return nullptr;
}

void LaunchCount::end(const at::RecordFunction& function, at::ObserverContext*) {
  if (counting) counting->leave(function);
}

void LaunchCount::enter(const at::RecordFunction& function) {
  Frame frame;
  frame.name = function.name();
  frame.inside_whole = !frames_.empty() && (frames_.back().inside_whole || is_whole(frames_.back().name));
  const auto schema = function.operator_schema();
  if (schema && !frame.inside_whole) {
    frame.inputs.assign(function.inputs().begin(), function.inputs().end());
    frame.known = true;
    frame.silent = launches_nothing(*schema);
    for (size_t i = 0; i < frame.inputs.size(); ++i) {
      const auto* alias = schema->arguments()[i].alias_info();
      const bool written = alias != nullptr && alias->isWrite();
      const double bytes = bytes_on_device(frame.inputs[i]);
      if (written) frame.written_bytes += bytes;
      if (!written || !overwrites(frame.name)) frame.read_bytes += bytes;
      if (i == 0 && gathers(frame.name)) frame.read_bytes -= bytes;
    }
  }
  frames_.push_back(std::move(frame));
}

void LaunchCount::leave(const at::RecordFunction& function) {
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  if (!frames_.empty()) frames_.back().launched_inside |= frame.launched_inside;
  const bool made_of_others = frame.launched_inside && !is_whole(frame.name);
  if (!frame.known || frame.silent || made_of_others) return;
  bool on_device = std::any_of(frame.inputs.begin(), frame.inputs.end(),
                               [](const c10::IValue& input) { return any_meta(tensors_in(input)); });
  double output_bytes = 0;
  for (const c10::IValue& output : function.outputs()) {
    on_device |= any_meta(tensors_in(output));
    output_bytes += bytes_on_device(output);
  }
  if (!on_device) return;
  OpCount count{LaunchKind::kPass, launches_of(frame.name, frame.inputs)};
  count.bytes = frame.read_bytes + (frame.written_bytes > 0 ? frame.written_bytes : output_bytes);
  if (gathers(frame.name)) count.bytes += output_bytes;
  if (const double flops = product_flops(frame.name, frame.inputs); flops > 0) {
    count.kind = LaunchKind::kProduct;
    count.flops = flops;
  } else if (const double attended = attention_flops(frame.name, frame.inputs); attended > 0) {
    count.kind = LaunchKind::kAttention;
    count.flops = attended;
  }
  std::string name = frame.name;
  if (const auto kind = crossing(frame.name, frame.inputs)) {
    count.kind = *kind;
    name = *kind == LaunchKind::kUpload ? "copy from the host" : "read by the host";
  }
  add(name, count);
}

void LaunchCount::launched(const CountedLaunch& launch) { add(launch.kernel, {LaunchKind::kPass, 1, 0, launch.bytes}); }

void LaunchCount::add(const std::string& operation, const OpCount& count) {
  if (!frames_.empty()) frames_.back().launched_inside = true;
  OpCount& sum = operations_[operation];
  sum.kind = count.kind;
  sum.launches += count.launches;
  sum.flops += count.flops;
  sum.bytes += count.bytes;
}

Json json_of(const OpCounts& operations) {
  int64_t launches = 0, uploads = 0, host_reads = 0;
  double products = 0, attention = 0, passes = 0;
  Json list = Json::array();
  for (const auto& [name, one] : operations) {
    (one.kind == LaunchKind::kHostRead ? host_reads : launches) += one.launches;
    if (one.kind == LaunchKind::kUpload) uploads += one.launches;
    if (one.kind == LaunchKind::kProduct) products += one.flops;
    if (one.kind == LaunchKind::kAttention) attention += one.flops;
    if (one.kind == LaunchKind::kPass) passes += one.bytes;
    list.push_back(Json::object()
                       .set("name", name)
                       .set("kind", name_of(one.kind))
                       .set("launches", one.launches)
                       .set("flops", one.flops)
                       .set("bytes", one.bytes));
  }
  return Json::object()
      .set("launches", launches)
      .set("productFlops", products)
      .set("attentionFlops", attention)
      .set("passBytes", passes)
      .set("uploads", uploads)
      .set("hostReads", host_reads)
      .set("operations", std::move(list));
}

}  // namespace svg
