// The few socket calls that c10d does not offer: binding to one address, asking who listens, and the own address.
#pragma once

#include <optional>
#include <string>

namespace svg {

/// Whether the run stays on one machine by its very address: localhost, 127.0.0.1, ::1. Another name may stand for the
/// loopback address on the machine of that name alone.
bool is_loopback(const std::string& host);

/// A listening socket on the host's own address; on all interfaces where that is none that the other machines see.
/// Throws Error(kRanks) where the port is in use or the name unknown.
int listen_on(const std::string& host, int port);

/// Whether the host has an address, now.
bool has_address(const std::string& host);

/// In digits, the first of the host's addresses that accepts connections; nothing where none does.
std::optional<std::string> numeric_address(const std::string& host, int port);

/// While it lives, this thread asks no name server: names and addresses are looked up in files alone.
class WithoutNameServers {
 public:
  WithoutNameServers();
  ~WithoutNameServers();
  WithoutNameServers(const WithoutNameServers&) = delete;
  WithoutNameServers& operator=(const WithoutNameServers&) = delete;

 private:
  int servers_ = 0;
};

/// Whether something accepts connections there.
bool answers(const std::string& host, int port);

/// This machine's address on the network that leads to the host and port, where something listens: what ranks on other
/// machines connect to.
std::string own_address(const std::string& host, int port);

/// Name of this machine and number of this process, for messages.
std::string own_place();

}  // namespace svg
