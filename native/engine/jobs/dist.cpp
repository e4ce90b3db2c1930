// Jobs of a run of several processes: one process for each device, this one being one of them.
#include "engine/jobs.h"
#include "engine/state.h"

namespace svg::jobs {
namespace {

ProcessGroup& group(EngineState& state) { return require(state.group, "process group"); }

}  // namespace

/// {"rank", "world", "masterAddr", "masterPort", "launcherPrefix"?, "timeoutSeconds", "backend"?: "gloo" | "nccl"} ->
/// {"backend"}; waits for the others.
JobResult dist_open(EngineState& state, const Json& request, const TensorMap&, const EventSink&) {
  GroupOptions options;
  options.rank = request.at("rank").as_int();
  options.world = request.at("world").as_int();
  options.master_addr = request.get_string("masterAddr", options.master_addr);
  options.master_port = request.get_int("masterPort", options.master_port);
  options.launcher_prefix = request.get_string("launcherPrefix", "");
  options.timeout = std::chrono::milliseconds(static_cast<int64_t>(request.get_double("timeoutSeconds", 600) * 1000));
  options.backend = request.get_string("backend", "");
  options.device = state.device;
  state.training.reset();  // it may use the group that ends here
  state.group.reset();
  state.group = ProcessGroup::open(options);
  return {Json::object().set("backend", state.group->backend()), {}};
}

/// {"patient"?} -> {}: waits for all ranks; patiently, as long as they live, without the timeout of the group.
JobResult dist_barrier(EngineState& state, const Json& request, const TensorMap&, const EventSink&) {
  group(state).barrier(request.get_bool("patient", false) ? Patience::kWhileAlive : Patience::kTimeout);
  return {Json::object(), {}};
}

/// {"name", "text"} -> {}; fails on all ranks, naming those whose text is not rank 0's.
JobResult dist_agree(EngineState& state, const Json& request, const TensorMap&, const EventSink&) {
  group(state).agree(request.at("name").as_string(), request.at("text").as_string());
  return {Json::object(), {}};
}

/// {"op": "max" | "sum", "values"} -> {"values"}: the largest, or the sums, of all ranks, value by value.
JobResult dist_reduce(EngineState& state, const Json& request, const TensorMap&, const EventSink&) {
  const std::string& op = request.at("op").as_string();
  SVG_CHECK(op == "max" || op == "sum", ErrorCode::kInvalidArgument, "unknown operation \"", op,
            "\": known are max, sum");
  std::vector<double> values;
  for (const Json& value : request.at("values").as_array()) values.push_back(value.as_double());
  const at::Tensor tensor = at::tensor(values, at::kDouble).to(state.device);
  group(state).all_reduce(tensor, op == "max" ? ReduceOp::kMax : ReduceOp::kSum);
  const at::Tensor reduced = tensor.cpu();
  Json answer = Json::array();
  for (int64_t i = 0; i < reduced.numel(); ++i) answer.push_back(reduced[i].item<double>());
  return {Json::object().set("values", answer), {}};
}

/// {"name", "text"} -> {"texts"}: the texts of all ranks, by rank.
JobResult dist_gather(EngineState& state, const Json& request, const TensorMap&, const EventSink&) {
  Json texts = Json::array();
  for (std::string& text : group(state).all_gather_text(request.at("name").as_string(), request.at("text").as_string()))
    texts.push_back(std::move(text));
  return {Json::object().set("texts", texts), {}};
}

/// {} -> {}: leaves the run. Without a group nothing happens.
JobResult dist_close(EngineState& state, const Json&, const TensorMap&, const EventSink&) {
  state.training.reset();
  state.group.reset();
  return {Json::object(), {}};
}

}  // namespace svg::jobs
