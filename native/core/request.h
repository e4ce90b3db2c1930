// A job's request, read strictly. What is missing, of another kind or read by nobody is a fault of the protocol between
// the two languages: never of the user's configuration, and never settled by a default.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace svg {

/// A value of a request: the whole, or what `at`, `find` and `as_array` lead to. Reading marks it as read.
class Request {
 public:
  /// `job` is the kind of the job, for messages.
  Request(Json json, std::string job);

  /// Member of an object. Throws Error(kInternal) where it is absent or null.
  const Request& at(std::string_view key) const;
  /// The same for what may be left out: nullptr where it is absent or null.
  const Request* find(std::string_view key) const;

  // Each throws Error(kInternal) where the kind is another one.
  bool as_bool() const;
  int64_t as_int() const;
  double as_double() const;
  const std::string& as_string() const;
  const std::vector<Request>& as_array() const;
  std::vector<int64_t> as_int_list() const;
  std::vector<double> as_double_list() const;
  std::vector<std::string> as_string_list() const;
  /// All of it, for the reader of a configuration that users write: that one says which keys there are.
  const Json& as_config() const;

  /// Throws Error(kInternal) naming a value that nobody has read. Handlers call it before they change anything; the
  /// engine, after every job.
  void check_all_read() const;

 private:
  Request(std::shared_ptr<const Json> root, const Json& json, std::string job, std::string path);

  [[noreturn]] void fail(const std::string& what) const;
  template <typename Read>
  auto read(Read body) const;

  std::shared_ptr<const Json> root_;
  const Json* json_;
  std::string job_;
  std::string path_;  // "items[0].width"; empty for the whole
  mutable bool read_ = false, whole_ = false;
  mutable std::map<std::string, std::unique_ptr<Request>, std::less<>> members_;
  mutable std::unique_ptr<std::vector<Request>> elements_;
};

}  // namespace svg
