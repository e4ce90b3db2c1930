// What the kernel says that this processor can do.
#pragma once

#include <initializer_list>
#include <string_view>

namespace svg {

/// Whether /proc/cpuinfo lists one of these instruction sets, in Linux's names for x86 and ARM. False where no such
/// file is.
bool cpu_has_any(std::initializer_list<std::string_view> flags);

}  // namespace svg
