#include "distributed/process_group.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "check.h"
#include "core/cancel.h"
#include "distributed/socket.h"
#include "distributed/store.h"
#include "ranks.h"

using svg::ErrorCode;
using svg::ProcessGroup;
using svg::test::expect_ranks;
using svg::test::group_options;
using svg::test::run_ranks;
using Clock = std::chrono::steady_clock;

namespace {

at::Tensor values_of(int64_t rank) { return at::arange(6, at::kFloat).view({2, 3}) + static_cast<double>(10 * rank); }

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// All errors blame the same rank; those of `silent` ranks do not matter.
void expect_blame(const std::vector<std::optional<svg::Error>>& errors, size_t culprit, const std::string& words) {
  for (size_t rank = 0; rank < errors.size(); ++rank) {
    if (rank == culprit) continue;
    EXPECT(errors[rank].has_value());
    const std::string message = errors[rank]->what();
    if (errors[rank]->code() != ErrorCode::kRanks || message.find(words) == std::string::npos ||
        message.find(svg::concat("rank ", culprit)) == std::string::npos) {
      throw svg::test::Failure{svg::concat("rank ", rank, ": ", message)};
    }
  }
}

/// Two ranks that meet by these options, and sum what they have.
void expect_meeting_of_two(const svg::GroupOptions& shared) {
  std::vector<at::Tensor> sums(2);
  std::vector<std::thread> threads;
  for (int64_t rank = 0; rank < 2; ++rank) {
    threads.emplace_back([&, rank] {
      svg::GroupOptions options = shared;
      options.rank = rank;
      const auto group = ProcessGroup::open(options);
      const at::Tensor sum = at::full({1}, rank + 1);
      group->all_reduce(sum);
      sums[static_cast<size_t>(rank)] = sum;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const at::Tensor& sum : sums) EXPECT(sum.item<int64_t>() == 3);
}

}  // namespace

TEST_CASE("process_group: a world of one needs no store") {
  const auto group = ProcessGroup::open(group_options(0, 1, 0));
  const at::Tensor tensor = values_of(0);
  group->all_reduce(tensor);
  group->broadcast(tensor, 0);
  group->barrier();
  group->agree("configuration", "a");
  EXPECT(at::equal(tensor, values_of(0)));
  EXPECT(at::equal(group->all_gather(tensor)[0], tensor));
  EXPECT(group->backend() == "none");
}

TEST_CASE("process_group: collectives of 2 and 4 ranks") {
  for (const int64_t world : {2, 4}) {
    expect_ranks(world, [world](ProcessGroup& group) {
      at::Tensor sum = at::zeros({2, 3});
      for (int64_t rank = 0; rank < world; ++rank) sum += values_of(rank);
      const at::Tensor reduced = values_of(group.rank());
      group.all_reduce(reduced);
      EXPECT(at::equal(reduced, sum));
      const at::Tensor largest = values_of(group.rank());
      group.all_reduce(largest, svg::ReduceOp::kMax);
      EXPECT(at::equal(largest, values_of(world - 1)));
      const at::Tensor owned = values_of(group.rank());
      group.reduce(owned, 1);
      if (group.rank() == 1) EXPECT(at::equal(owned, sum));
      const at::Tensor sent = values_of(group.rank());
      group.broadcast(sent, world - 1);
      EXPECT(at::equal(sent, values_of(world - 1)));
      const auto gathered = group.all_gather(values_of(group.rank()));
      for (int64_t rank = 0; rank < world; ++rank) EXPECT(at::equal(gathered[rank], values_of(rank)));
      const auto texts = group.all_gather_text("name", svg::concat("rank ", group.rank()));
      EXPECT(texts.size() == static_cast<size_t>(world) && texts.back() == svg::concat("rank ", world - 1));
      for (int i = 0; i < 20; ++i) group.barrier();
      EXPECT(group.backend() == "gloo");
    });
  }
}

TEST_CASE("process_group: collectives under way together end in their own tensors") {
  expect_ranks(3, [](ProcessGroup& group) {
    std::vector<at::Tensor> tensors;
    std::vector<std::unique_ptr<svg::Collective>> started;
    for (int64_t i = 0; i < 10; ++i) {
      tensors.push_back(at::full({1000 * (10 - i)}, static_cast<double>(i), at::kFloat));
      started.push_back(group.start_all_reduce(tensors.back()));
    }
    for (const auto& collective : started) collective->wait();
    for (size_t i = 0; i < 10; ++i) EXPECT(tensors[i].eq(3.0 * static_cast<double>(i)).all().item<bool>());
  });
}

TEST_CASE("process_group: agree names the ranks that differ, and where") {
  const auto errors = run_ranks(4, [](ProcessGroup& group) {
    group.agree("version", "1.0");
    group.agree("configuration", group.rank() == 2 ? "lr: 1\nbatch: 8" : "lr: 1\nbatch: 4");
  });
  for (const auto& error : errors) {
    EXPECT(error && error->code() == ErrorCode::kRanks);
    EXPECT(std::string(error->what()) ==
           "the configuration of rank 2 differs from rank 0's: \"batch: 8\" against \"batch: 4\"");
  }
}

TEST_CASE("process_group: a rank that stalls is named within the timeout") {
  for (const size_t stalled : {0, 2}) {
    const auto start = Clock::now();
    const auto errors = run_ranks(
        3,
        [&](ProcessGroup& group) {
          const at::Tensor tensor = values_of(group.rank());
          group.all_reduce(tensor);
          if (static_cast<size_t>(group.rank()) == stalled) std::this_thread::sleep_for(std::chrono::seconds(6));
          group.all_reduce(tensor);
        },
        /*timeout_seconds=*/3);
    expect_blame(errors, stalled, "stalls");
    EXPECT(seconds_since(start) < 60);
  }
}

TEST_CASE("process_group: a rank that misses a barrier is named") {
  const auto errors = run_ranks(
      3,
      [](ProcessGroup& group) {
        if (group.rank() == 1) std::this_thread::sleep_for(std::chrono::seconds(6));
        group.barrier();
      },
      /*timeout_seconds=*/3);
  expect_blame(errors, 1, "stalls");
}

TEST_CASE("process_group: a patient barrier waits for a rank that lives, past the timeout") {
  const auto errors = run_ranks(
      3,
      [](ProcessGroup& group) {
        if (group.rank() == 0) std::this_thread::sleep_for(std::chrono::seconds(6));
        group.barrier(svg::Patience::kWhileAlive);
        group.all_reduce(values_of(group.rank()));
      },
      /*timeout_seconds=*/3);
  for (const auto& error : errors) EXPECT(!error);
}

TEST_CASE("process_group: a patient barrier does not wait for a rank that leaves") {
  const auto start = Clock::now();
  const auto errors = run_ranks(3, [](ProcessGroup& group) {
    if (group.rank() == 1) throw svg::Error(ErrorCode::kDiskFull, "no space");
    group.barrier(svg::Patience::kWhileAlive);
  });
  expect_blame(errors, 1, "left the run");
  EXPECT(seconds_since(start) < 60);  // the timeout
}

TEST_CASE("process_group: a rank that leaves is named long before the timeout") {
  for (const size_t leaver : {0, 2}) {
    const auto start = Clock::now();
    const auto errors = run_ranks(4, [&](ProcessGroup& group) {
      group.barrier();
      if (static_cast<size_t>(group.rank()) == leaver) throw svg::Error(ErrorCode::kDiskFull, "no space");
      group.all_reduce(values_of(group.rank()));
    });
    expect_blame(errors, leaver, "left the run");
    EXPECT(errors[leaver]->code() == ErrorCode::kDiskFull);
    EXPECT(seconds_since(start) < 60);
  }
}

TEST_CASE("process_group: a cancelled rank ends the others") {
  std::atomic<bool> cancelled{false};
  const auto errors = run_ranks(3, [&](ProcessGroup& group) {
    if (group.rank() == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      cancelled = true;
      std::this_thread::sleep_for(std::chrono::seconds(3));
    }
    const std::atomic<bool> never{false};
    const svg::CancelScope scope(group.rank() == 1 ? cancelled : never);
    group.all_reduce(values_of(group.rank()));
  });
  EXPECT(errors[1] && errors[1]->code() == ErrorCode::kCancelled);
  expect_blame(errors, 1, "was cancelled");
}

TEST_CASE("process_group: ranks that never come are named") {
  const int port = svg::test::free_port();
  EXPECT_ERROR(ProcessGroup::open(group_options(0, 3, port, 0.5)), ErrorCode::kRanks,
               "rank 1, rank 2 did not join the run within 0.5 s");
  EXPECT_ERROR(ProcessGroup::open(group_options(1, 2, port, 0.5)), ErrorCode::kRanks, "rank 0 does not answer at");
}

TEST_CASE("process_group: a port in use, a rank taken twice, worlds that differ") {
  const int port = svg::test::free_port();
  std::vector<std::optional<svg::Error>> errors(3);
  std::vector<std::thread> threads;
  const std::vector<svg::GroupOptions> options = {group_options(0, 3, port, 6), group_options(1, 3, port, 6),
                                                  group_options(0, 3, port, 6)};
  for (size_t i = 0; i < options.size(); ++i) {
    threads.emplace_back([&, i] {
      // The two rank 0 one after the other.
      if (i == 2) std::this_thread::sleep_for(std::chrono::milliseconds(1000));
      try {
        ProcessGroup::open(options[i]);
      } catch (const svg::Error& error) {
        errors[i] = error;
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(2000));
  EXPECT_ERROR(ProcessGroup::open(group_options(1, 3, port, 6)), ErrorCode::kRanks, "as rank 1");
  EXPECT_ERROR(ProcessGroup::open(group_options(2, 4, port, 6)), ErrorCode::kRanks, "was told of 4 ranks");
  for (std::thread& thread : threads) thread.join();
  EXPECT(errors[2] && std::string(errors[2]->what()).find("is in use") != std::string::npos);
  EXPECT(!errors[2]->hint().empty());
  EXPECT(errors[0] && std::string(errors[0]->what()).find("rank 2 did not join") != std::string::npos);
}

TEST_CASE("process_group: ranks meet in the launcher's store, again after a restart") {
  const int port = svg::test::free_port();
  const auto store = svg::serve_store("127.0.0.1", port, std::chrono::seconds(60));
  for (const char* prefix : {"attempt-0", "attempt-1"}) {
    svg::GroupOptions options = group_options(0, 2, port);
    options.launcher_prefix = prefix;
    expect_meeting_of_two(options);
  }
  svg::GroupOptions options = group_options(0, 2, svg::test::free_port(), 0.5);
  options.launcher_prefix = "attempt-0";
  EXPECT_ERROR(ProcessGroup::open(options), ErrorCode::kRanks, "the launcher's store does not answer at");
}

TEST_CASE("process_group: a name of the loopback address is the machine's own, not the loopback address itself") {
  // Stands for the name that Debian's /etc/hosts gives 127.0.1.1: getaddrinfo finds 127.0.0.1.
  const std::string name = "127.1";
  EXPECT(!svg::is_loopback(name) && svg::is_loopback("localhost") && svg::is_loopback("::1"));
  const int port = svg::test::free_port();
  const int listening = svg::listen_on(name, port);
  const std::string outside = svg::own_address(name, port);
  const bool reached = svg::answers(outside, port);
  ::close(listening);
  EXPECT(reached);
  const int hidden = svg::listen_on("127.0.0.1", port);
  const bool exposed = !svg::is_loopback(outside) && svg::answers(outside, port);
  ::close(hidden);
  EXPECT(!exposed);

  svg::GroupOptions options = group_options(0, 2, svg::test::free_port());
  options.master_addr = name;
  expect_meeting_of_two(options);
}

TEST_CASE("process_group: a host without an address is told from one that does not answer") {
  svg::GroupOptions options = group_options(1, 2, svg::test::free_port(), 0.5);
  options.master_addr = "no-such-host.invalid";
  EXPECT_ERROR(ProcessGroup::open(options), ErrorCode::kRanks,
               "the host \"no-such-host.invalid\" of MASTER_ADDR cannot be resolved");
}

#ifdef __GLIBC__
TEST_CASE("process_group: no name server is asked for the name of an address") {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  EXPECT(::inet_pton(AF_INET6, "::ffff:192.0.2.1", &address.sin6_addr) == 1);
  char name[NI_MAXHOST] = "";
  const svg::WithoutNameServers in_files_alone;
  // Asked, the server would say that there is none, and getnameinfo would give the digits.
  EXPECT(::getnameinfo(reinterpret_cast<const sockaddr*>(&address), sizeof address, name, sizeof name, nullptr, 0, 0) ==
         EAI_AGAIN);
}
#endif

TEST_CASE("process_group: addresses in digits") {
  const int port = svg::test::free_port();
  EXPECT(!svg::numeric_address("localhost", port));
  const int listening = svg::listen_on("127.0.0.1", port);
  const std::optional<std::string> address = svg::numeric_address("localhost", port);
  ::close(listening);
  EXPECT(address == "127.0.0.1");
}

TEST_CASE("process_group: options that make no sense") {
  EXPECT_ERROR(ProcessGroup::open(group_options(2, 2, 29500)), ErrorCode::kInvalidArgument, "rank 2 in a world of 2");
  EXPECT_ERROR(ProcessGroup::open(group_options(0, 2, 0)), ErrorCode::kInvalidArgument, "port 0");
  svg::GroupOptions options = group_options(0, 2, 29500);
  options.backend = "mpi";
  EXPECT_ERROR(ProcessGroup::open(options), ErrorCode::kInvalidArgument, "gloo, nccl");
  options.backend = "nccl";
  EXPECT_ERROR(ProcessGroup::open(options), ErrorCode::kInvalidArgument, "does not work on cpu");
}
