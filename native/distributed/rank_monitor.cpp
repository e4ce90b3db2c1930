#include "distributed/rank_monitor.h"

#include <algorithm>
#include <cstdio>

#include "core/cancel.h"
#include "distributed/monitor_state.h"
#include "distributed/socket.h"

namespace svg {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using Lock = std::unique_lock<std::mutex>;

// A process that is starved of its processor for some seconds is not dead; a machine that is cut off for 20 s is.
constexpr milliseconds kLongestSilence{20'000};
constexpr milliseconds kLongestInterval{1'000};
constexpr int kBeatsPerSilence = 8;
constexpr milliseconds kPublishing{1'000};
constexpr microseconds kFirstPause{20}, kLongestPause{1'000};

std::string collective_name(int64_t number, const std::string& name) {
  return concat("step ", number, " (", name, ")");
}

void check_failure(const MonitorState& state) {
  if (state.failure) throw *state.failure;
}

/// Ends the run of all ranks with this message, or with that of the rank that was first.
[[noreturn]] void fail(MonitorState& state, Lock& lock, const std::string& message) {
  state.report = message;
  state.changed.notify_all();
  if (state.connected) {
    state.changed.wait_for(lock, state.interval + kPublishing, [&] { return state.failure || state.ended; });
  }
  if (!state.failure) state.failure.emplace(ErrorCode::kRanks, message, kRanksHint);
  throw *state.failure;
}

template <typename Predicate>
std::string names_of(const MonitorState& state, Predicate predicate) {
  std::string names;
  for (int rank = 0; rank < state.options.world; ++rank) {
    if (rank != state.options.rank && predicate(rank)) names += (names.empty() ? "" : ", ") + state.name_of(rank);
  }
  return names;
}

/// Throws where a rank will never come to this collective, or rank 0 does not answer.
void check_peers(MonitorState& state, Lock& lock, int64_t number) {
  check_failure(state);
  const std::string gone = names_of(state, [&](int rank) {
    const MonitorState::Peer& peer = state.peers[static_cast<size_t>(rank)];
    return peer.left && peer.started < number;
  });
  if (!gone.empty()) {
    fail(state, lock, concat(gone, " left the run before ", collective_name(number, state.collective)));
  }
  const auto now = MonitorClock::now();
  if (!state.connected || now - state.contact <= state.silence + state.interval) {
    state.doubted.reset();
  } else if (!state.doubted) {
    state.doubted = now;  // where this machine itself stood still, the store has a moment to answer
  } else if (now - *state.doubted > 2 * state.interval) {
    fail(state, lock, concat(state.keeper(), " has not answered for ", seconds(state.silence)));
  }
}

[[noreturn]] void time_out(MonitorState& state, Lock& lock, int64_t number) {
  const MonitorOptions& options = state.options;
  const std::string after = seconds(options.timeout);
  if (!state.connected) {
    if (!has_address(options.host)) {
      fail(state, lock,
           concat("the host \"", options.host, "\" of MASTER_ADDR cannot be resolved, after ", after, " of trying"));
    }
    fail(state, lock,
         concat(options.launcher_prefix.empty() ? "rank 0" : "the launcher's store", " does not answer at ",
                options.host, ", port ", options.port, ", after ", after));
  }
  const bool opening = state.peers[0].place.empty();
  const std::string late = names_of(state, [&](int rank) {
    const auto index = static_cast<size_t>(rank);
    if (state.exchange && state.exchange->number == number) return !state.exchange->texts[index].has_value();
    return state.peers[index].started < number;
  });
  if (opening) fail(state, lock, concat(late, " did not join the run within ", after));
  const std::string what = collective_name(number, state.collective);
  if (late.empty()) {
    fail(state, lock, concat(what, " took longer than ", after, ", though all ranks came to it"));
  }
  fail(state, lock, concat(late, " stalls: alive, but did not come to ", what, " within ", after));
}

}  // namespace

const char kRanksHint[] =
    "The messages of the rank that is named tell more. Checkpoints are whole: start all ranks again with --resume.";

std::string seconds(milliseconds duration) {
  char text[32];
  const double value = static_cast<double>(duration.count()) / 1000;
  std::snprintf(text, sizeof text, value < 10 ? "%.1f s" : "%.0f s", value);
  return text;
}

MonitorState::MonitorState(const MonitorOptions& given)
    : options(given),
      silence(std::min(given.timeout / 3, kLongestSilence)),
      interval(std::clamp(silence / kBeatsPerSilence, milliseconds(1), kLongestInterval)),
      contact(MonitorClock::now()),
      peers(static_cast<size_t>(given.world)) {}

std::string MonitorState::name_of(int rank) const {
  const std::string& place = peers[static_cast<size_t>(rank)].place;
  return place.empty() ? concat("rank ", rank) : concat("rank ", rank, " (", place, ")");
}

std::string MonitorState::keeper() const {
  return concat(options.launcher_prefix.empty() ? name_of(0) : "the launcher", ", which keeps the store of the run,");
}

RankMonitor::RankMonitor(const MonitorOptions& options)
    : state_(std::make_shared<MonitorState>(options)), thread_([state = state_] { watch_ranks(*state); }) {
  try {
    exchange("join", own_place());
  } catch (...) {
    stop();
    throw;
  }
}

RankMonitor::~RankMonitor() { stop(); }

void RankMonitor::stop() {
  Lock lock(state_->mutex);
  state_->stopping = true;
  state_->changed.notify_all();
  // Longer only where rank 0 has frozen in the middle of an answer: then the thread ends with it or with the process.
  const bool ended = state_->changed.wait_for(lock, state_->silence + kPublishing, [&] { return state_->ended; });
  lock.unlock();
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

int64_t RankMonitor::start(const std::string& name) {
  const Lock lock(state_->mutex);
  check_failure(*state_);
  state_->collective = name;
  return ++state_->started;
}

void RankMonitor::await(int64_t number, const std::function<bool()>& done, Patience patience) {
  auto seen = MonitorClock::now();
  auto deadline = seen + state_->options.timeout;
  microseconds pause = kFirstPause;
  while (!done()) {
    Lock lock(state_->mutex);
    const auto now = MonitorClock::now();
    if (now - seen > state_->interval) deadline += now - seen;  // stood still, as the others may have
    seen = now;
    check_peers(*state_, lock, number);
    if (patience == Patience::kTimeout && now > deadline) time_out(*state_, lock, number);
    try {
      check_cancelled();
    } catch (const Error&) {
      const std::string own = state_->name_of(state_->options.rank);
      state_->report = concat(own, " was cancelled in ", collective_name(number, state_->collective));
      state_->failure.emplace(ErrorCode::kRanks, *state_->report, kRanksHint);
      state_->changed.notify_all();
      throw;
    }
    state_->changed.wait_for(lock, pause, [&] { return state_->failure.has_value(); });
    pause = std::min(pause * 3 / 2, kLongestPause);
  }
}

void RankMonitor::explain(int64_t number, const std::string& words) {
  const auto deadline = MonitorClock::now() + state_->silence + 4 * state_->interval;
  Lock lock(state_->mutex);
  while (MonitorClock::now() < deadline) {
    check_peers(*state_, lock, number);
    state_->changed.wait_for(lock, state_->interval, [&] { return state_->failure.has_value(); });
  }
  const std::string own = state_->name_of(state_->options.rank);
  fail(*state_, lock, concat(collective_name(number, state_->collective), " failed on ", own, ": ", words));
}

std::vector<std::string> RankMonitor::exchange(const std::string& name, const std::string& text, Patience patience) {
  const int64_t number = start(name);
  {
    const Lock lock(state_->mutex);
    state_->exchange.emplace();
    state_->exchange->number = number;
    state_->exchange->text = text;
    state_->exchange->texts.resize(state_->peers.size());
    state_->changed.notify_all();
  }
  const auto is_complete = [&] {
    const Lock lock(state_->mutex);
    return state_->exchange->complete;
  };
  await(number, is_complete, patience);
  const Lock lock(state_->mutex);
  std::vector<std::string> texts;
  for (const auto& given : state_->exchange->texts) texts.push_back(*given);
  state_->exchange.reset();
  return texts;
}

}  // namespace svg
