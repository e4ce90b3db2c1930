// The thread of a rank monitor that talks to the store. Keys: "world"; "joined/R"; "beat/R": "BEATS STARTED LEFT NAME";
// "exchange/N/R": a text; "failure": the message that ends the run.
#include <algorithm>
#include <sstream>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "distributed/monitor_state.h"
#include "distributed/socket.h"
#include "distributed/store.h"

namespace svg {
namespace {

using std::chrono::milliseconds;
using Lock = std::unique_lock<std::mutex>;

constexpr milliseconds kFirstLookPause{1}, kLongestLookPause{10};  // between looks for the texts of an exchange
constexpr milliseconds kBetweenAttempts{50};                       // to reach rank 0
constexpr int kSilentReads = 3;  // where this machine stood still, so did others' signs of life

std::string numbered(const char* kind, int64_t number) { return concat(kind, "/", number); }

class Watch {
 public:
  explicit Watch(MonitorState& state) : state_(state), rank_(state.options.rank), world_(state.options.world) {}

  void run() {
    if (!connect()) return;
    join();
    auto next_beat = MonitorClock::now();
    milliseconds pause = kFirstLookPause;
    while (true) {
      if (MonitorClock::now() >= next_beat || has_report()) {
        beat();
        next_beat = MonitorClock::now() + state_.interval;
      }
      const bool waiting = look_for_texts();
      pause = waiting ? std::min(pause * 2, kLongestLookPause) : kFirstLookPause;
      const auto until = waiting ? std::min(next_beat, MonitorClock::now() + pause) : next_beat;
      Lock lock(state_.mutex);
      state_.changed.wait_until(lock, until, [&] {
        return state_.stopping || has_open_report() || (!waiting && state_.exchange && !state_.exchange->complete);
      });
      if (state_.stopping) break;
    }
    leave();
  }

 private:
  /// False where this rank stops before the store is there.
  bool connect() {
    const MonitorOptions& options = state_.options;
    if (rank_ == 0 && options.launcher_prefix.empty()) {
      store_ = serve_store(options.host, options.port, options.timeout);
    } else {
      while (!answers(options.host, options.port)) {
        Lock lock(state_.mutex);
        if (state_.changed.wait_for(lock, kBetweenAttempts, [&] { return state_.stopping; })) return false;
      }
      store_ = connect_store(options.host, options.port, options.timeout, options.launcher_prefix);
    }
    return true;
  }

  void join() {
    const std::string world = std::to_string(world_);
    const std::string agreed = store_->compareSet("world", "", world);
    SVG_CHECK(agreed == world, ErrorCode::kRanks, "rank ", rank_, " was told of ", world_, " ranks, another one of ",
              agreed);
    SVG_CHECK(store_->add(numbered("joined", rank_), 1) == 1, ErrorCode::kRanks, "two processes came to ",
              state_.options.host, ", port ", state_.options.port, ", as rank ", rank_);
    beat();
    const Lock lock(state_.mutex);
    state_.connected = true;
  }

  bool has_open_report() const { return state_.report && !published_; }
  bool has_report() {
    const Lock lock(state_.mutex);
    return has_open_report();
  }

  void beat() {
    std::string text;
    std::optional<std::string> report;
    {
      const Lock lock(state_.mutex);
      text = concat(++beats_, " ", state_.started, " ", left_ ? 1 : 0, " ", state_.collective);
      if (has_open_report()) report = state_.report;
    }
    store_->set(numbered("beat", rank_), text);
    if (report) {
      take_failure(store_->compareSet("failure", "", *report));
      published_ = true;
    } else if (store_->check({"failure"})) {
      take_failure(store_->get_to_str("failure"));
    }
    if (joined_) read_beats();
    const Lock lock(state_.mutex);
    state_.contact = MonitorClock::now();
  }

  void take_failure(const std::string& message) {
    const Lock lock(state_.mutex);
    if (!state_.failure) state_.failure.emplace(ErrorCode::kRanks, message, kRanksHint);
    state_.changed.notify_all();
  }

  void read_beats() {
    std::vector<std::string> keys;
    for (int rank = 0; rank < world_; ++rank) keys.push_back(numbered("beat", rank));
    const auto texts = store_->multiGet(keys);
    const auto now = MonitorClock::now();
    Lock lock(state_.mutex);
    for (int rank = 0; rank < world_; ++rank) {
      const auto index = static_cast<size_t>(rank);
      MonitorState::Peer& peer = state_.peers[index];
      std::istringstream words(std::string(texts[index].begin(), texts[index].end()));
      int64_t beats = 0;
      words >> beats >> peer.started >> peer.left >> std::ws;
      std::getline(words, peer.collective);
      if (beats != peer.beats) peer.heard = now;
      peer.beats = beats;
      const bool silent = !peer.left && now - peer.heard > state_.silence;
      peer.silent_reads = silent ? peer.silent_reads + 1 : 0;
      if (peer.silent_reads < kSilentReads || state_.report) continue;
      state_.report = concat(state_.name_of(rank), " has given no sign of life for ", seconds(state_.silence),
                             ": it died, or its machine is cut off");
    }
  }

  /// Whether an exchange waits for texts.
  bool look_for_texts() {
    int64_t number = 0;
    std::string text;
    std::vector<std::optional<std::string>> texts;
    {
      const Lock lock(state_.mutex);
      if (!state_.exchange || state_.exchange->complete) return false;
      number = state_.exchange->number;
      text = state_.exchange->text;
      texts = state_.exchange->texts;
    }
    const std::string place = numbered("exchange", number);
    if (given_ < number) {
      // Never empty: the store's answer to that waits for the kernel to send a packet without content, 0.2 s.
      store_->set(numbered(place.c_str(), rank_), "=" + text);
      // Whoever has come to this exchange has read the one before, so all have read the one before that.
      if (before_last_ > 0) store_->deleteKey(numbered(numbered("exchange", before_last_).c_str(), rank_));
      before_last_ = given_;
      given_ = number;
    }
    bool complete = true;
    for (int rank = 0; rank < world_; ++rank) {
      std::optional<std::string>& found = texts[static_cast<size_t>(rank)];
      const std::string key = numbered(place.c_str(), rank);
      if (!found && store_->check({key})) found = store_->get_to_str(key).substr(1);
      complete = complete && found;
    }
    const Lock lock(state_.mutex);
    state_.contact = MonitorClock::now();
    state_.exchange->texts = std::move(texts);
    state_.exchange->complete = complete;
    if (complete && !joined_) meet();
    state_.changed.notify_all();
    return !complete;
  }

  /// The texts of the first exchange are the places of the ranks.
  void meet() {
    joined_ = true;
    for (size_t i = 0; i < state_.peers.size(); ++i) {
      state_.peers[i].place = *state_.exchange->texts[i];
      state_.peers[i].heard = MonitorClock::now();
    }
  }

  /// Rank 0 keeps the store until the others have left too, or have had time to read why the run ends.
  void leave() {
    left_ = true;
    beat();
    if (rank_ != 0) return;
    Lock lock(state_.mutex);
    const auto all_left = [&] {
      return std::all_of(state_.peers.begin(), state_.peers.end(),
                         [](const MonitorState::Peer& peer) { return peer.left; });
    };
    const auto last_news = MonitorClock::now() + (state_.failure ? 2 * state_.interval : state_.silence);
    while (!all_left() && MonitorClock::now() < last_news) {
      state_.changed.wait_for(lock, std::min(state_.interval, milliseconds(50)));
      lock.unlock();
      beat();
      lock.lock();
    }
  }

  MonitorState& state_;
  const int rank_, world_;
  c10::intrusive_ptr<c10d::Store> store_;
  int64_t beats_ = 0;
  int64_t given_ = 0, before_last_ = 0;  // exchanges that this rank has a text in
  bool joined_ = false, left_ = false, published_ = false;
};

}  // namespace

void watch_ranks(MonitorState& state) {
  std::optional<Error> failure;
  {
    Watch watch(state);
    try {
      watch.run();
    } catch (...) {
      failure = translate_current_exception();
    }
  }
  const Lock lock(state.mutex);
  if (failure && !state.failure) {
    if (failure->code() == ErrorCode::kRanks) {
      state.failure = failure;
    } else {
      state.failure.emplace(ErrorCode::kRanks, concat(state.keeper(), " is gone: ", failure->what()), kRanksHint);
    }
  }
  state.ended = true;
  state.changed.notify_all();
}

}  // namespace svg
