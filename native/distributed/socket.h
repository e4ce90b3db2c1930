// The few socket calls that c10d does not offer: binding to one address, and asking who listens.
#pragma once

#include <chrono>
#include <string>

namespace svg {

/// Whether the name stands for this machine's loopback address.
bool is_loopback(const std::string& host);

/// A listening socket on the host's own address (not on all interfaces, where that address is one of this machine's).
/// Throws Error(kRanks) where the port is in use or the name unknown.
int listen_on(const std::string& host, int port);

/// Whether something accepts connections there.
bool answers(const std::string& host, int port);

/// Name of this machine and number of this process, for messages.
std::string own_place();

}  // namespace svg
