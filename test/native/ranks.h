// Several ranks as threads of one process, each with its own group.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "distributed/process_group.h"

namespace svg::test {

/// A port of the loopback address that nobody listens on now.
int free_port();

GroupOptions group_options(int64_t rank, int64_t world, int port, double timeout_seconds = 60);

/// Runs `body` once on each rank and closes the groups; the error of each rank, where there was one.
std::vector<std::optional<Error>> run_ranks(int64_t world, const std::function<void(ProcessGroup&)>& body,
                                            double timeout_seconds = 60);

/// The same, where no rank may fail.
void expect_ranks(int64_t world, const std::function<void(ProcessGroup&)>& body);

}  // namespace svg::test
