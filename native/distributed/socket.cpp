#include "distributed/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "core/error.h"

namespace svg {
namespace {

constexpr int kBacklog = 2048;
constexpr int kConnectMilliseconds = 1000;

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

/// Empty where the name cannot be resolved (yet).
Addresses resolve(const std::string& host, int port, int flags = 0) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* list = nullptr;
  const std::string service = std::to_string(port);
  if (getaddrinfo(host.empty() ? nullptr : host.c_str(), service.c_str(), &hints, &list) != 0) return nullptr;
  return Addresses(list);
}

class Socket {
 public:
  explicit Socket(const addrinfo& address, int flags = 0)
      : fd_(::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | flags, address.ai_protocol)) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int fd() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

bool is_loopback(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    return (ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr) >> 24) == 127;
  }
  return address.sa_family == AF_INET6 &&
         IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
}

/// 0, or the cause why not.
int try_listen(const addrinfo& address, int& listening) {
  Socket socket(address);
  if (socket.fd() < 0) return errno;
  const int on = 1;
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.fd(), address.ai_addr, address.ai_addrlen) != 0) return errno;
  if (::listen(socket.fd(), kBacklog) != 0) return errno;
  listening = socket.release();
  return 0;
}

}  // namespace

bool is_loopback(const std::string& host) {
  const Addresses found = resolve(host, 0);
  return found && is_loopback(*found->ai_addr);
}

int listen_on(const std::string& host, int port) {
  const Addresses named = resolve(host, port);
  SVG_CHECK(named, ErrorCode::kRanks, "the address \"", host, "\" of rank 0 cannot be resolved");
  int listening = -1;
  int cause = try_listen(*named, listening);
  // Behind a service name or a forwarded port the address is not this machine's own.
  if (cause == EADDRNOTAVAIL) cause = try_listen(*resolve("", port, AI_PASSIVE), listening);
  if (cause == EADDRINUSE) {
    throw Error(ErrorCode::kRanks, concat("port ", port, " of ", host, " is in use"),
                "Set MASTER_PORT to a free port on all ranks, or end what uses this one.");
  }
  SVG_CHECK(cause == 0, ErrorCode::kRanks, "cannot listen on port ", port, " of ", host, ": ", std::strerror(cause));
  return listening;
}

bool answers(const std::string& host, int port) {
  const Addresses found = resolve(host, port);
  for (const addrinfo* address = found.get(); address; address = address->ai_next) {
    const Socket socket(*address, SOCK_NONBLOCK);
    if (socket.fd() < 0) continue;
    if (::connect(socket.fd(), address->ai_addr, address->ai_addrlen) == 0) return true;
    if (errno != EINPROGRESS) continue;
    pollfd waiting{socket.fd(), POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof error;
    if (::poll(&waiting, 1, kConnectMilliseconds) == 1 &&
        ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0) {
      return true;
    }
  }
  return false;
}

std::string own_place() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return concat(name, ", process ", ::getpid());
}

}  // namespace svg
