// Golden cases of test/golden as tests.
#pragma once

#include <string>

#include "check.h"
#include "golden/case.h"
#include "golden/run.h"

namespace svg::test {

/// Folder of a case in the source tree.
inline std::string golden_folder(const std::string& name) { return concat(SVG_TEST_GOLDEN, "/", name); }

/// Fails with the case's own message where it does not pass.
inline void expect_golden(const std::string& name) {
  const Json report = run_golden_case(golden_folder(name));
  if (report.at("status").as_string() != "passed") throw Failure{name + ": " + report.at("message").as_string()};
}

}  // namespace svg::test
