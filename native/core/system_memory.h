// How much memory the system still gives to this process.
#pragma once

#include <cstdint>
#include <string>

namespace svg {

/// Bytes, the least of: what the machine has available, what the container (cgroup) leaves, what the limit of the
/// address space (ulimit -v) leaves. What files in memory take counts as available. 0 where the system does not tell.
int64_t available_memory();

/// Gives back what lies free in the heap: what many small tensors took stays there else, and is in the way of large
/// ones.
void give_back_free_memory();

/// Of a control group: its limit less what it uses, but for files that can be dropped; 0 without a limit. `version` 2
/// or 1; `folder` is that of the group.
int64_t left_in_group(const std::string& folder, int version);

}  // namespace svg
