#include "distributed/process_group.h"

#include <c10/util/Logging.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "core/error.h"
#include "distributed/backends.h"
#include "distributed/rank_monitor.h"
#include "distributed/store.h"

namespace svg {
namespace {

class Done : public Collective {
 public:
  void wait() override {}
};

/// A world of one: nothing to open, nothing to wait for.
class AloneGroup : public ProcessGroup {
 public:
  explicit AloneGroup(at::Device device) : device_(device) {}

  int64_t rank() const override { return 0; }
  int64_t world() const override { return 1; }
  std::string backend() const override { return "none"; }
  at::Device device() const override { return device_; }
  std::unique_ptr<Collective> start_all_reduce(at::Tensor, ReduceOp) override { return std::make_unique<Done>(); }
  std::unique_ptr<Collective> start_reduce(at::Tensor, int64_t) override { return std::make_unique<Done>(); }
  std::unique_ptr<Collective> start_broadcast(at::Tensor, int64_t) override { return std::make_unique<Done>(); }
  std::vector<at::Tensor> all_gather(const at::Tensor& tensor) override { return {tensor.clone()}; }
  std::vector<std::string> all_gather_text(const std::string&, const std::string& text, Patience) override {
    return {text};
  }

 private:
  at::Device device_;
};

class StartedCollective : public Collective {
 public:
  StartedCollective(RankMonitor& monitor, int64_t number, c10::intrusive_ptr<c10d::Work> work)
      : monitor_(monitor), number_(number), work_(std::move(work)) {}

  void wait() override {
    // Not by Work::wait alone: Gloo's timeout names nobody, and NCCL's ends the process.
    monitor_.await(number_, [this] { return work_->isCompleted(); });
    std::string words;
    try {
      work_->wait();
      return;
    } catch (...) {
      words = translate_current_exception().what();
    }
    monitor_.explain(number_, words);
  }

 private:
  RankMonitor& monitor_;
  int64_t number_;
  c10::intrusive_ptr<c10d::Work> work_;
};

/// A lost rank is reported in one line; c10d would log a trace of its stack for every connection as well.
void quiet_c10d() {
  constexpr int kErrors = 2;
  if (!std::getenv("TORCH_CPP_LOG_LEVEL")) FLAGS_caffe2_log_level = std::max(FLAGS_caffe2_log_level, kErrors);
}

MonitorOptions monitor_options(const GroupOptions& options) {
  return {static_cast<int>(options.rank),        static_cast<int>(options.world), options.master_addr,
          static_cast<int>(options.master_port), options.launcher_prefix,         options.timeout};
}

class JoinedGroup : public ProcessGroup {
 public:
  JoinedGroup(const GroupOptions& options, std::string backend)
      : options_(options), backend_name_(std::move(backend)), monitor_(monitor_options(options)) {
    const int64_t number = monitor_.start("connect");
    try {
      const auto store = connect_store(options.master_addr, static_cast<int>(options.master_port), options.timeout,
                                       options.launcher_prefix);
      const BackendOptions wanted{static_cast<int>(rank()), static_cast<int>(world()), options.master_addr,
                                  static_cast<int>(options.master_port), options.timeout};
      backend_ = backend_name_ == "nccl" ? open_nccl(store, wanted) : open_gloo(store, wanted);
    } catch (const Error&) {
      throw;
    } catch (...) {
      monitor_.explain(number, translate_current_exception().what());
    }
  }

  ~JoinedGroup() override {
    // A collective of ranks that will not come would keep the back end's threads, and so this one.
    if (std::any_of(works_.begin(), works_.end(), is_under_way)) backend_->abort();
  }

  int64_t rank() const override { return options_.rank; }
  int64_t world() const override { return options_.world; }
  std::string backend() const override { return backend_name_; }
  at::Device device() const override { return options_.device; }

  std::unique_ptr<Collective> start_all_reduce(at::Tensor tensor, ReduceOp op) override {
    return start("all-reduce", [&] {
      c10d::AllreduceOptions options;
      options.reduceOp = op == ReduceOp::kMax ? c10d::ReduceOp::MAX : c10d::ReduceOp::SUM;
      options.timeout = unheeded();
      std::vector<at::Tensor> tensors = {std::move(tensor)};
      return backend_->c10d().allreduce(tensors, options);
    });
  }

  std::unique_ptr<Collective> start_reduce(at::Tensor tensor, int64_t root) override {
    return start("reduce", [&] {
      c10d::ReduceOptions options;
      options.rootRank = root;
      options.timeout = unheeded();
      std::vector<at::Tensor> tensors = {std::move(tensor)};
      return backend_->c10d().reduce(tensors, options);
    });
  }

  std::unique_ptr<Collective> start_broadcast(at::Tensor tensor, int64_t root) override {
    return start("broadcast", [&] {
      c10d::BroadcastOptions options;
      options.rootRank = root;
      options.timeout = unheeded();
      std::vector<at::Tensor> tensors = {std::move(tensor)};
      return backend_->c10d().broadcast(tensors, options);
    });
  }

  std::vector<at::Tensor> all_gather(const at::Tensor& tensor) override {
    std::vector<std::vector<at::Tensor>> gathered(1);
    for (int64_t i = 0; i < world(); ++i) gathered[0].push_back(at::empty_like(tensor));
    std::vector<at::Tensor> own = {tensor};
    start("all-gather", [&] {
      c10d::AllgatherOptions options;
      options.timeout = unheeded();
      return backend_->c10d().allgather(gathered, own, options);
    })->wait();
    return gathered[0];
  }

  std::vector<std::string> all_gather_text(const std::string& name, const std::string& text,
                                           Patience patience) override {
    return monitor_.exchange(name, text, patience);
  }

 private:
  using Work = c10::weak_intrusive_ptr<c10d::Work>;

  static bool is_under_way(const Work& work) {
    const auto alive = work.lock();
    return alive && !alive->isCompleted();
  }

  /// Longer than the monitor's timeout, so that c10d's comes never or last.
  std::chrono::milliseconds unheeded() const { return 2 * options_.timeout; }

  template <typename Launch>
  std::unique_ptr<Collective> start(const char* name, Launch launch) {
    const int64_t number = monitor_.start(name);
    std::string words;
    try {
      const c10::intrusive_ptr<c10d::Work> work = launch();
      works_.erase(std::remove_if(works_.begin(), works_.end(), [](const Work& work) { return !is_under_way(work); }),
                   works_.end());
      works_.emplace_back(work);
      return std::make_unique<StartedCollective>(monitor_, number, work);
    } catch (...) {
      words = translate_current_exception().what();
    }
    monitor_.explain(number, words);
  }

  const GroupOptions options_;
  const std::string backend_name_;
  RankMonitor monitor_;
  std::unique_ptr<CollectiveBackend> backend_;
  std::vector<Work> works_;  // perhaps under way
};

/// The lines of two texts where they part.
std::string first_difference(const std::string& text, const std::string& other) {
  std::istringstream lines(text), other_lines(other);
  std::string line, other_line;
  while (true) {
    const bool has = static_cast<bool>(std::getline(lines, line));
    const bool other_has = static_cast<bool>(std::getline(other_lines, other_line));
    if (!has) line = "(nothing)";
    if (!other_has) other_line = "(nothing)";
    if (line != other_line || (!has && !other_has)) return concat("\"", line, "\" against \"", other_line, "\"");
  }
}

}  // namespace

std::unique_ptr<ProcessGroup> ProcessGroup::open(const GroupOptions& options) {
  SVG_CHECK(options.world >= 1 && options.rank >= 0 && options.rank < options.world, ErrorCode::kInvalidArgument,
            "rank ", options.rank, " in a world of ", options.world);
  const std::string backend = !options.backend.empty() ? options.backend : options.device.is_cuda() ? "nccl" : "gloo";
  SVG_CHECK(backend == "gloo" || backend == "nccl", ErrorCode::kInvalidArgument, "unknown back end \"", backend,
            "\": known are gloo, nccl");
  SVG_CHECK((backend == "nccl") == options.device.is_cuda(), ErrorCode::kInvalidArgument, "the back end ", backend,
            " does not work on ", options.device.str());
  if (options.world == 1 && options.backend.empty()) return std::make_unique<AloneGroup>(options.device);
  SVG_CHECK(options.master_port > 0 && options.master_port < 65536, ErrorCode::kInvalidArgument, "port ",
            options.master_port, " is not in 1 to 65535");
  SVG_CHECK(options.timeout.count() > 0, ErrorCode::kInvalidArgument, "the timeout of the group is not above 0");
  quiet_c10d();
  return std::make_unique<JoinedGroup>(options, backend);
}

void ProcessGroup::agree(const std::string& name, const std::string& text) {
  const std::vector<std::string> texts = all_gather_text(name, text);
  std::string ranks, difference;
  for (size_t i = 1; i < texts.size(); ++i) {
    if (texts[i] == texts[0]) continue;
    ranks += concat(ranks.empty() ? "" : ", ", i);
    if (difference.empty()) difference = first_difference(texts[i], texts[0]);
  }
  if (ranks.empty()) return;
  const bool several = ranks.find(',') != std::string::npos;
  throw Error(ErrorCode::kRanks,
              concat("the ", name, " of rank", several ? "s " : " ", ranks, several ? " differ" : " differs",
                     " from rank 0's: ", difference),
              "Start all ranks with the same configuration and the same version.");
}

}  // namespace svg
