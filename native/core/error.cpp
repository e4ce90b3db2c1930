#include "core/error.h"

#include <c10/util/Exception.h>

#include <new>

namespace svg {

const char* error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return "ERR_SVGT2I_INVALID_ARGUMENT";
    case ErrorCode::kInvalidConfig: return "ERR_SVGT2I_INVALID_CONFIG";
    case ErrorCode::kFileNotFound: return "ERR_SVGT2I_FILE_NOT_FOUND";
    case ErrorCode::kFileFormat: return "ERR_SVGT2I_FILE_FORMAT";
    case ErrorCode::kUnsafeFile: return "ERR_SVGT2I_UNSAFE_FILE";
    case ErrorCode::kWeightsMismatch: return "ERR_SVGT2I_WEIGHTS_MISMATCH";
    case ErrorCode::kIo: return "ERR_SVGT2I_IO";
    case ErrorCode::kDiskFull: return "ERR_SVGT2I_DISK_FULL";
    case ErrorCode::kOutOfMemory: return "ERR_SVGT2I_OUT_OF_MEMORY";
    case ErrorCode::kDeviceUnavailable: return "ERR_SVGT2I_DEVICE_UNAVAILABLE";
    case ErrorCode::kCancelled: return "ERR_SVGT2I_CANCELLED";
    case ErrorCode::kDisposed: return "ERR_SVGT2I_DISPOSED";
    case ErrorCode::kNotLoaded: return "ERR_SVGT2I_NOT_LOADED";
    case ErrorCode::kNumeric: return "ERR_SVGT2I_NUMERIC";
    case ErrorCode::kRanks: return "ERR_SVGT2I_RANKS";
    case ErrorCode::kInternal: return "ERR_SVGT2I_INTERNAL";
  }
  return "ERR_SVGT2I_INTERNAL";
}

namespace {

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

bool is_memory_message(const std::string& text) {
  return text.find("out of memory") != std::string::npos || text.find("not enough memory") != std::string::npos ||
         text.find("can't allocate memory") != std::string::npos;
}

const char kMemoryHint[] = "Use a smaller size, a smaller batch or --dtype bf16, or free memory on the device.";

}  // namespace

Error translate_current_exception() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const c10::OutOfMemoryError& error) {
    return Error(ErrorCode::kOutOfMemory, first_line(error.what_without_backtrace()), kMemoryHint);
  } catch (const c10::Error& error) {
    const std::string line = first_line(error.what_without_backtrace());
    if (is_memory_message(line)) return Error(ErrorCode::kOutOfMemory, line, kMemoryHint);
    return Error(ErrorCode::kInternal, line);
  } catch (const std::bad_alloc&) {
    return Error(ErrorCode::kOutOfMemory, "out of host memory", kMemoryHint);
  } catch (const std::exception& error) {
    return Error(ErrorCode::kInternal, first_line(error.what()));
  } catch (...) {
    return Error(ErrorCode::kInternal, "an exception that is not a std::exception");
  }
}

}  // namespace svg
