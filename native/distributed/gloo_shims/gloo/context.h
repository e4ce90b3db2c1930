// The function of Gloo's Context that ProcessGroupGloo.hpp calls; it lives in libtorch_cpu.
#pragma once

#include <chrono>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

}  // namespace gloo
