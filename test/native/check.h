// A test registry of a few lines, so that the native tests need neither Node nor a library.
#pragma once

#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "core/error.h"

namespace svg::test {

struct TestCase {
  const char* name;
  void (*run)();
};

std::vector<TestCase>& registry();

struct Registration {
  Registration(const char* name, void (*run)()) { registry().push_back({name, run}); }
};

struct Failure {
  std::string message;
};

inline std::string place(const char* file, int line) { return std::string(file) + ":" + std::to_string(line) + ": "; }

}  // namespace svg::test

#define SVG_TEST_JOIN2(name, line) name##line
#define SVG_TEST_JOIN(name, line) SVG_TEST_JOIN2(name, line)
#define TEST_CASE(title)                                                                                               \
  static void SVG_TEST_JOIN(test_case_, __LINE__)();                                                                   \
  static const ::svg::test::Registration SVG_TEST_JOIN(registration_, __LINE__)(title,                                 \
                                                                                &SVG_TEST_JOIN(test_case_, __LINE__)); \
  static void SVG_TEST_JOIN(test_case_, __LINE__)()

#define EXPECT(condition)                                                              \
  do {                                                                                 \
    if (!(condition)) {                                                                \
      throw ::svg::test::Failure{::svg::test::place(__FILE__, __LINE__) + #condition}; \
    }                                                                                  \
  } while (false)

#define EXPECT_CLOSE(left, right, tolerance)                                                                         \
  do {                                                                                                               \
    const double left_value = (left), right_value = (right);                                                         \
    if (!(std::abs(left_value - right_value) <= (tolerance))) {                                                      \
      throw ::svg::test::Failure{::svg::test::place(__FILE__, __LINE__) + #left " = " + std::to_string(left_value) + \
                                 ", " #right " = " + std::to_string(right_value)};                                   \
    }                                                                                                                \
  } while (false)

// The statement must throw svg::Error with the code; its message must hold `part`.
#define EXPECT_ERROR(statement, wanted_code, part)                                                               \
  do {                                                                                                           \
    bool thrown = false;                                                                                         \
    try {                                                                                                        \
      statement;                                                                                                 \
    } catch (const ::svg::Error& error) {                                                                        \
      thrown = true;                                                                                             \
      if (error.code() != (wanted_code) || std::string(error.what()).find(part) == std::string::npos) {          \
        throw ::svg::test::Failure{::svg::test::place(__FILE__, __LINE__) +                                      \
                                   "other error: " + ::svg::error_code_name(error.code()) + " " + error.what()}; \
      }                                                                                                          \
    }                                                                                                            \
    if (!thrown) {                                                                                               \
      throw ::svg::test::Failure{::svg::test::place(__FILE__, __LINE__) + "no error: " #statement};              \
    }                                                                                                            \
  } while (false)
