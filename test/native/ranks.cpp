#include "ranks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "check.h"

namespace svg::test {

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  EXPECT(bound);
  return ntohs(address.sin_port);
}

GroupOptions group_options(int64_t rank, int64_t world, int port, double timeout_seconds) {
  GroupOptions options;
  options.rank = rank;
  options.world = world;
  options.master_port = port;
  options.timeout = std::chrono::milliseconds(static_cast<int64_t>(timeout_seconds * 1000));
  return options;
}

std::vector<std::optional<Error>> run_ranks(int64_t world, const std::function<void(ProcessGroup&)>& body,
                                            double timeout_seconds) {
  const int port = free_port();
  std::vector<std::optional<Error>> errors(static_cast<size_t>(world));
  std::vector<std::thread> threads;
  for (int64_t rank = 0; rank < world; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        const auto group = ProcessGroup::open(group_options(rank, world, port, timeout_seconds));
        body(*group);
      } catch (const Failure& failure) {
        errors[static_cast<size_t>(rank)].emplace(ErrorCode::kInternal, failure.message);
      } catch (...) {
        errors[static_cast<size_t>(rank)] = translate_current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return errors;
}

void expect_ranks(int64_t world, const std::function<void(ProcessGroup&)>& body) {
  const auto errors = run_ranks(world, body);
  for (size_t rank = 0; rank < errors.size(); ++rank) {
    if (errors[rank]) throw Failure{concat("rank ", rank, ": ", errors[rank]->what())};
  }
}

}  // namespace svg::test
