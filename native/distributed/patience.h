// How long a rank waits for the others.
#pragma once

namespace svg {

enum class Patience {
  kTimeout,     // for the timeout of the group
  kWhileAlive,  // as long as they give signs of life: for what one rank does alone
};

}  // namespace svg
