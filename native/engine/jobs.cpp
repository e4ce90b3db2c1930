#include "engine/jobs.h"

#include <map>

#include "core/error.h"

namespace svg {

JobHandler find_job(const std::string& kind) {
  static const std::map<std::string, JobHandler> handlers = {
      {"golden", jobs::golden},
      {"memory", jobs::memory},
      {"read-tensors", jobs::read_tensors},
      {"sleep", jobs::sleep},
  };
  const auto found = handlers.find(kind);
  if (found != handlers.end()) return found->second;
  std::string known;
  for (const auto& entry : handlers) known += (known.empty() ? "" : ", ") + entry.first;
  throw Error(ErrorCode::kInvalidArgument, concat("unknown job \"", kind, "\": known are ", known));
}

}  // namespace svg
