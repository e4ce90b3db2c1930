// What the two threads of a rank monitor share: the one that trains, and the one that talks to the store.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "distributed/monitor_options.h"

namespace svg {

using MonitorClock = std::chrono::steady_clock;

struct MonitorState {
  /// As last read from the store.
  struct Peer {
    std::string place;   // machine and process; empty before all have met
    int64_t beats = -1;  // grows while the rank lives
    MonitorClock::time_point heard;
    int silent_reads = 0;    // on end, with nothing heard for too long
    int64_t started = 0;     // number of its last collective
    std::string collective;  // name of its last collective
    bool left = false;
  };

  struct Exchange {
    int64_t number = 0;
    std::string text;
    std::vector<std::optional<std::string>> texts;  // by rank; those that have come
    bool complete = false;
  };

  explicit MonitorState(const MonitorOptions& options);

  /// "rank 2 (gpu07, process 4711)". Holding the mutex.
  std::string name_of(int rank) const;
  /// Who keeps the store, likewise.
  std::string keeper() const;

  const MonitorOptions options;
  const std::chrono::milliseconds silence;   // after it a rank counts as dead
  const std::chrono::milliseconds interval;  // of signs of life

  std::mutex mutex;  // of everything below
  std::condition_variable changed;
  bool stopping = false, ended = false;  // asked of the store's thread, and done by it
  bool connected = false;
  MonitorClock::time_point contact;                 // when the store last answered
  std::optional<MonitorClock::time_point> doubted;  // since when that has been too long ago
  std::optional<Error> failure;                     // final: the run is over
  std::optional<std::string> report;                // a failure that was seen here, to be published
  int64_t started = 0;
  std::string collective;
  std::vector<Peer> peers;  // by rank, this one too
  std::optional<Exchange> exchange;
};

extern const char kRanksHint[];

/// "0.5 s", "60 s"
std::string seconds(std::chrono::milliseconds duration);

/// Body of the store's thread: returns some time after the state is stopping, or when the store is lost.
void watch_ranks(MonitorState& state);

}  // namespace svg
