#include "golden/modules.h"

#include <map>

#include "golden/dit.h"

namespace svg {

const GoldenRunner* find_golden_runner(const std::string& module) {
  static const std::map<std::string, GoldenRunner> runners = {
      {"dit_trainer", run_dit_trainer},
      {"next_dit", run_next_dit},
  };
  const auto found = runners.find(module);
  return found == runners.end() ? nullptr : &found->second;
}

}  // namespace svg
