#include "distributed/socket.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <resolv.h>
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

/// Empty where nothing accepts connections there.
std::unique_ptr<Socket> connect_to(const std::string& host, int port) {
  const Addresses found = resolve(host, port);
  for (const addrinfo* address = found.get(); address; address = address->ai_next) {
    auto socket = std::make_unique<Socket>(*address, SOCK_NONBLOCK);
    if (socket->fd() < 0) continue;
    if (::connect(socket->fd(), address->ai_addr, address->ai_addrlen) == 0) return socket;
    if (errno != EINPROGRESS) continue;
    pollfd waiting{socket->fd(), POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof error;
    if (::poll(&waiting, 1, kConnectMilliseconds) == 1 &&
        ::getsockopt(socket->fd(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0) {
      return socket;
    }
  }
  return nullptr;
}

std::string in_digits(const sockaddr& address, socklen_t size) {
  char text[NI_MAXHOST] = "";
  ::getnameinfo(&address, size, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
  return text;
}

/// Of the first interface that is up; empty where there is none but the loopback.
std::string network_address() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return "";
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  constexpr unsigned int kUp = IFF_UP | IFF_RUNNING;
  for (const ifaddrs* entry = list; entry; entry = entry->ifa_next) {
    if (!entry->ifa_addr || entry->ifa_addr->sa_family != AF_INET) continue;
    if ((entry->ifa_flags & kUp) != kUp || (entry->ifa_flags & IFF_LOOPBACK) != 0) continue;
    return in_digits(*entry->ifa_addr, sizeof(sockaddr_in));
  }
  return "";
}

}  // namespace

bool is_loopback(const std::string& host) { return host == "localhost" || host == "127.0.0.1" || host == "::1"; }

int listen_on(const std::string& host, int port) {
  const Addresses named = resolve(host, port);
  SVG_CHECK(named, ErrorCode::kRanks, "the address \"", host, "\" of rank 0 cannot be resolved");
  int listening = -1;
  // /etc/hosts gives many a machine's own name a loopback address, which the other machines cannot reach.
  const bool hidden = is_loopback(*named->ai_addr) && !is_loopback(host);
  int cause = hidden ? EADDRNOTAVAIL : try_listen(*named, listening);
  // Behind a service name or a forwarded port the address is not this machine's own.
  if (cause == EADDRNOTAVAIL) cause = try_listen(*resolve("", port, AI_PASSIVE), listening);
  if (cause == EADDRINUSE) {
    throw Error(ErrorCode::kRanks, concat("port ", port, " of ", host, " is in use"),
                "Set MASTER_PORT to a free port on all ranks, or end what uses this one.");
  }
  SVG_CHECK(cause == 0, ErrorCode::kRanks, "cannot listen on port ", port, " of ", host, ": ", std::strerror(cause));
  return listening;
}

bool has_address(const std::string& host) { return resolve(host, 0) != nullptr; }

std::optional<std::string> numeric_address(const std::string& host, int port) {
  const std::unique_ptr<Socket> socket = connect_to(host, port);
  sockaddr_storage storage{};
  auto& address = reinterpret_cast<sockaddr&>(storage);
  socklen_t size = sizeof storage;
  if (!socket || ::getpeername(socket->fd(), &address, &size) != 0) return std::nullopt;
  std::string digits = in_digits(address, size);
  if (digits.empty()) return std::nullopt;
  return digits;
}

#ifdef __GLIBC__
// Of this thread alone; an application's own choice is kept also where /etc/resolv.conf changes.
WithoutNameServers::WithoutNameServers() {
  if ((_res.options & RES_INIT) == 0) ::res_init();
  servers_ = std::exchange(_res.nscount, 0);
}

WithoutNameServers::~WithoutNameServers() { _res.nscount = servers_; }
#else
WithoutNameServers::WithoutNameServers() = default;
WithoutNameServers::~WithoutNameServers() = default;
#endif

bool answers(const std::string& host, int port) { return connect_to(host, port) != nullptr; }

std::string own_address(const std::string& host, int port) {
  const std::unique_ptr<Socket> socket = connect_to(host, port);
  sockaddr_storage storage{};
  auto& address = reinterpret_cast<sockaddr&>(storage);
  socklen_t size = sizeof storage;
  SVG_CHECK(socket && ::getsockname(socket->fd(), &address, &size) == 0, ErrorCode::kRanks, "nothing answers at ", host,
            ", port ", port);
  // On the machine of the store itself; ranks on other machines must reach this one all the same.
  const std::string seen = is_loopback(address) ? network_address() : "";
  return seen.empty() ? in_digits(address, size) : seen;
}

std::string own_place() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return concat(name, ", process ", ::getpid());
}

}  // namespace svg
