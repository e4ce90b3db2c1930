// Which run a rank monitor watches, and how patiently.
#pragma once

#include <chrono>
#include <string>

namespace svg {

struct MonitorOptions {
  int rank = 0, world = 1;
  std::string host;                            // of rank 0
  int port = 0;                                // of its store
  std::string launcher_prefix;                 // not empty: the launcher keeps the store there, see GroupOptions
  std::chrono::milliseconds timeout{600'000};  // for a rank to come to what the others wait for
};

}  // namespace svg
