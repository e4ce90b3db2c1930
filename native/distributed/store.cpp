#include "distributed/store.h"

#include <optional>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "distributed/socket.h"

namespace svg {
namespace {

c10d::TCPStoreOptions store_options(int port, std::chrono::milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(port);
  options.timeout = timeout;
  options.waitWorkers = false;  // RankMonitor waits, and can tell who is missing
  // libtorch's libuv and Node's export the same symbols, so one of them would run the other's code.
  options.useLibUV = false;
  return options;
}

/// c10d looks up a name for every address that it connects to, for a log that nobody reads: it would wait for a name
/// server that does not answer.
c10::intrusive_ptr<c10d::TCPStore> open_store(const std::string& host, const c10d::TCPStoreOptions& options) {
  const std::optional<std::string> address = numeric_address(host, options.port);
  // Where nothing answers yet, c10d tries the name again and again.
  std::optional<WithoutNameServers> in_files_alone;
  if (address) in_files_alone.emplace();
  return c10::make_intrusive<c10d::TCPStore>(address.value_or(host), options);
}

}  // namespace

c10::intrusive_ptr<c10d::Store> serve_store(const std::string& host, int port, std::chrono::milliseconds timeout) {
  c10d::TCPStoreOptions options = store_options(port, timeout);
  options.isServer = true;
  // c10d would listen on all interfaces; the store asks nobody for a password.
  options.masterListenFd = listen_on(host, port);
  return open_store(host, options);
}

c10::intrusive_ptr<c10d::Store> connect_store(const std::string& host, int port, std::chrono::milliseconds timeout,
                                              const std::string& prefix) {
  c10::intrusive_ptr<c10d::Store> store = open_store(host, store_options(port, timeout));
  if (prefix.empty()) return store;
  return c10::make_intrusive<c10d::PrefixStore>(prefix, std::move(store));
}

}  // namespace svg
