// Runs the registered tests; arguments are parts of names. In place of tests: --golden [--device DEVICE] DIR... runs
// golden cases, --bench DEVICE PART ROW REPEATS a part of the benchmark, --count tells what the 2B has a GPU do.
#include <c10/core/DeviceGuard.h>
#include <execinfo.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <exception>
#include <optional>

#include "bench/count.h"
#include "bench/parts.h"
#include "check.h"
#include "engine/device.h"
#include "golden/run.h"

namespace svg::test {

std::vector<TestCase>& registry() {
  static std::vector<TestCase> cases;
  return cases;
}

}  // namespace svg::test

namespace {

/// To be current: kernels of our own are launched on the thread's current device.
std::optional<at::Device> gpu_of(at::Device device) { return device.is_cuda() ? std::optional(device) : std::nullopt; }

int run_golden(at::Device device, int count, char** folders) {
  const c10::OptionalDeviceGuard guard(gpu_of(device));
  int failed = 0;
  for (int i = 0; i < count; ++i) {
    const svg::Json report = svg::run_golden_case(folders[i], device);
    const std::string status = report.at("status").as_string();
    if (status == "failed") ++failed;
    std::printf("%s\n", report.dump().c_str());
  }
  return failed ? 1 : 0;
}

/// A line of JSON for each row.
int run_bench(at::Device device, const std::string& part, const std::string& row, int64_t repeats) {
  const c10::OptionalDeviceGuard guard(gpu_of(device));
  const svg::Json report = svg::bench_part(part, row, repeats, device);
  for (const svg::Json& one : report.at("rows").as_array()) std::printf("%s\n", one.dump().c_str());
  return report.at("rows").as_array().empty() ? 1 : 0;
}

int run_count() {
  for (const int64_t cells : {16, 32, 64}) {
    std::printf("%s\n", svg::count_sampling({}, {cells, 128}).dump().c_str());
    std::printf("%s\n", svg::count_gradients({}, {cells, 128}).dump().c_str());
  }
  std::printf("%s\n", svg::count_update({}).dump().c_str());
  return 0;
}

/// What the arguments ask for in place of tests; nothing where they are parts of names.
std::optional<int> run_other(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "--golden" && argc > 4 && std::strcmp(argv[2], "--device") == 0) {
    return run_golden(svg::parse_device(argv[3]), argc - 4, argv + 4);
  }
  if (what == "--golden" && argc > 2) return run_golden(at::kCPU, argc - 2, argv + 2);
  if (what == "--bench" && argc == 6)
    return run_bench(svg::parse_device(argv[2]), argv[3], argv[4], std::stoll(argv[5]));
  if (what == "--count" && argc == 2) return run_count();
  if (what.rfind("--", 0) != 0) return std::nullopt;
  std::fprintf(stderr, "--golden [--device DEVICE] DIR..., --bench DEVICE PART ROW REPEATS or --count\n");
  return 2;
}

bool selected(const char* name, int argc, char** argv) {
  if (argc < 2) return true;
  for (int i = 1; i < argc; ++i) {
    if (std::strstr(name, argv[i])) return true;
  }
  return false;
}

const char* running = "";

/// Says in which test the program died, and where as far as symbols tell, then dies.
void name_crash(int signal) {
  for (const char* text : {"CRASHED in ", running, "\n"}) {
    if (write(STDERR_FILENO, text, std::strlen(text)) < 0) break;
  }
  constexpr int kMost = 64;
  void* frames[kMost];
  backtrace_symbols_fd(frames, backtrace(frames, kMost), STDERR_FILENO);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // as in Node: a peer that leaves is an error, not the end
  void* loaded[1];
  backtrace(loaded, 1);  // allocates the first time, which a handler must not
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) std::signal(signal, name_crash);
  try {
    if (const auto status = run_other(argc, argv)) return *status;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  int passed = 0;
  int failed = 0;
  for (const auto& test : svg::test::registry()) {
    if (!selected(test.name, argc, argv)) continue;
    std::string message;
    running = test.name;
    try {
      test.run();
    } catch (const svg::test::Failure& failure) {
      message = failure.message;
    } catch (const std::exception& error) {
      message = error.what();
    }
    if (message.empty()) {
      ++passed;
    } else {
      ++failed;
      std::printf("FAILED %s\n  %s\n", test.name, message.c_str());
    }
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed ? 1 : 0;
}
