#include "golden/run.h"

#include "core/error.h"
#include "core/exact_convolutions.h"
#include "golden/case.h"
#include "golden/modules.h"

namespace svg {

Json run_golden_case(const std::string& folder, at::Device device) {
  const ExactConvolutions exact(device);
  Json broken = Json::object();
  broken.set("name", golden_case_name(folder));
  broken.set("module", "");
  broken.set("status", "failed");
  broken.set("maxError", 0.0);
  broken.set("tolerance", Json());
  try {
    GoldenCase golden(folder, device);
    broken.set("module", golden.module());
    const GoldenRunner* runner = find_golden_runner(golden.module());
    if (!runner) {
      broken.set("status", "not-run");
      broken.set("message", "no runner for module \"" + golden.module() + "\"");
      return broken;
    }
    (*runner)(golden);
    return golden.report();
  } catch (...) {
    broken.set("message", translate_current_exception().what());
    return broken;
  }
}

}  // namespace svg
