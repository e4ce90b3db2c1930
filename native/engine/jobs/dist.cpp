// Jobs of a run of several processes: one process for each device, this one being one of them.
#include "engine/jobs.h"
#include "engine/state.h"

namespace svg::jobs {
namespace {

ProcessGroup& group(EngineState& state) { return require(state.group, "process group"); }

}  // namespace

/// {"rank", "worldSize", "masterAddr", "masterPort", "launcherPrefix"?, "timeoutSeconds", "backend": "auto" | "gloo" |
/// "nccl"} -> {"backend"}; waits for the others.
JobResult dist_open(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  GroupOptions options;
  options.rank = request.at("rank").as_int();
  options.world = request.at("worldSize").as_int();
  options.master_addr = request.at("masterAddr").as_string();
  options.master_port = request.at("masterPort").as_int();
  if (const Request* prefix = request.find("launcherPrefix")) options.launcher_prefix = prefix->as_string();
  options.timeout = std::chrono::milliseconds(static_cast<int64_t>(request.at("timeoutSeconds").as_double() * 1000));
  const std::string& backend = request.at("backend").as_string();
  if (backend != "auto") options.backend = backend;
  options.device = state.device;
  state.training.reset();  // it may use the group that ends here
  state.group.reset();
  state.group = ProcessGroup::open(options);
  return {Json::object().set("backend", state.group->backend()), {}};
}

/// {"patient"} -> {}: waits for all ranks; patiently, as long as they live, without the timeout of the group.
JobResult dist_barrier(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  group(state).barrier(request.at("patient").as_bool() ? Patience::kWhileAlive : Patience::kTimeout);
  return {Json::object(), {}};
}

/// {"name", "text"} -> {}; fails on all ranks, naming those whose text is not rank 0's.
JobResult dist_agree(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  group(state).agree(request.at("name").as_string(), request.at("text").as_string());
  return {Json::object(), {}};
}

/// {"op": "max" | "sum", "values"} -> {"values"}: the largest, or the sums, of all ranks, value by value.
JobResult dist_reduce(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  const std::string& op = request.at("op").as_string();
  SVG_CHECK(op == "max" || op == "sum", ErrorCode::kInvalidArgument, "unknown operation \"", op,
            "\": known are max, sum");
  const std::vector<double> values = request.at("values").as_double_list();
  const at::Tensor tensor = at::tensor(values, at::kDouble).to(state.device);
  group(state).all_reduce(tensor, op == "max" ? ReduceOp::kMax : ReduceOp::kSum);
  const at::Tensor reduced = tensor.cpu();
  Json answer = Json::array();
  for (int64_t i = 0; i < reduced.numel(); ++i) answer.push_back(reduced[i].item<double>());
  return {Json::object().set("values", answer), {}};
}

/// {"name", "text"} -> {"texts"}: the texts of all ranks, by rank.
JobResult dist_gather(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  Json texts = Json::array();
  for (std::string& text : group(state).all_gather_text(request.at("name").as_string(), request.at("text").as_string()))
    texts.push_back(std::move(text));
  return {Json::object().set("texts", texts), {}};
}

/// {} -> {}: leaves the run. Without a group nothing happens.
JobResult dist_close(EngineState& state, const Request&, const TensorMap&, const EventSink&) {
  state.training.reset();
  state.group.reset();
  return {Json::object(), {}};
}

}  // namespace svg::jobs
