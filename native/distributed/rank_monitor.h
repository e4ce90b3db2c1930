// Who of a run is there: each rank publishes signs of life in a store that rank 0 keeps, and watches the others'.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "distributed/monitor_options.h"
#include "distributed/patience.h"

namespace svg {

struct MonitorState;

/// One thread and one connection to the store for each rank, so that a rank that computes for long still gives signs of
/// life and the thread that trains never blocks on a socket. What ends the run is published first: all ranks report the
/// same cause. Every function that waits throws Error(kRanks), naming the ranks that are dead, stalled or gone.
class RankMonitor {
 public:
  /// Waits until all ranks are there.
  explicit RankMonitor(const MonitorOptions& options);
  /// Tells the others that this rank has left. Rank 0 stays until they have heard the last news.
  ~RankMonitor();
  RankMonitor(const RankMonitor&) = delete;
  RankMonitor& operator=(const RankMonitor&) = delete;

  /// Numbers a collective. All ranks start the same ones in the same order.
  int64_t start(const std::string& name);
  /// Waits until `done`. Throws Error(kCancelled) where this rank's job was cancelled, which ends the run of all.
  void await(int64_t number, const std::function<bool()>& done, Patience patience = Patience::kTimeout);
  /// For a collective that failed by itself: throws the cause that the monitor finds, or else one with these words.
  [[noreturn]] void explain(int64_t number, const std::string& words);
  /// A collective: the texts of all ranks, by rank.
  std::vector<std::string> exchange(const std::string& name, const std::string& text,
                                    Patience patience = Patience::kTimeout);

 private:
  void stop();

  std::shared_ptr<MonitorState> state_;
  std::thread thread_;
};

}  // namespace svg
