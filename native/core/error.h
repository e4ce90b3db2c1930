// The one exception type of the engine, and the codes that reach JavaScript.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace svg {

enum class ErrorCode {
  kInvalidArgument,    // a value that the caller can mend
  kInvalidConfig,      // a configuration that contradicts itself
  kFileNotFound,       // a path that does not exist
  kFileFormat,         // a file that is cut, malformed or of an unknown kind
  kUnsafeFile,         // a file that asks to run code or reads outside itself
  kWeightsMismatch,    // tensors missing, unexpected or of the wrong shape
  kIo,                 // the system refused a read or a write
  kDiskFull,           // no space left on the device
  kOutOfMemory,        // host or device memory ran out
  kDeviceUnavailable,  // no such device, or this build lacks its back end
  kCancelled,          // the caller cancelled the job
  kDisposed,           // the engine was disposed
  kNotLoaded,          // a job needs a model that was not loaded
  kNumeric,            // NaN or infinity where finite numbers are needed
  kRanks,              // another process of the run died, stalls, or was started differently
  kInternal,           // a fault of ours
};

/// Stable code as JavaScript sees it, e.g. "ERR_SVGT2I_FILE_FORMAT".
const char* error_code_name(ErrorCode code);

/// `what()` is one clean line; `hint()` says what to do, and may be empty.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message, std::string hint = "")
      : std::runtime_error(message), code_(code), hint_(std::move(hint)) {}

  ErrorCode code() const { return code_; }
  const std::string& hint() const { return hint_; }

 private:
  ErrorCode code_;
  std::string hint_;
};

/// Joins its arguments with operator<<.
template <typename... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// Any exception as an Error of one line: c10 backtraces are cut, out-of-memory gets its own code.
/// Call inside a catch block.
Error translate_current_exception();

}  // namespace svg

/// SVG_CHECK(ok, ErrorCode::kFileFormat, "[safetensors] header of ", n, " bytes")
#define SVG_CHECK(condition, code, ...)                       \
  do {                                                        \
    if (!(condition)) [[unlikely]] {                          \
      throw ::svg::Error((code), ::svg::concat(__VA_ARGS__)); \
    }                                                         \
  } while (false)
