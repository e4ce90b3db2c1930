// Runs the registered tests; arguments are parts of names. With --golden DIR..., golden cases instead.
#include <execinfo.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <exception>

#include "check.h"
#include "golden/run.h"

namespace svg::test {

std::vector<TestCase>& registry() {
  static std::vector<TestCase> cases;
  return cases;
}

}  // namespace svg::test

namespace {

int run_golden(int count, char** folders) {
  int failed = 0;
  for (int i = 0; i < count; ++i) {
    const svg::Json report = svg::run_golden_case(folders[i]);
    const std::string status = report.at("status").as_string();
    if (status == "failed") ++failed;
    std::printf("%s\n", report.dump().c_str());
  }
  return failed ? 1 : 0;
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
  if (argc > 2 && std::strcmp(argv[1], "--golden") == 0) return run_golden(argc - 2, argv + 2);
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
