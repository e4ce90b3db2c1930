#include "core/request.h"

#include "core/error.h"

namespace svg {

Request::Request(Json json, std::string job)
    : root_(std::make_shared<const Json>(std::move(json))), json_(root_.get()), job_(std::move(job)) {}

Request::Request(std::shared_ptr<const Json> root, const Json& json, std::string job, std::string path)
    : root_(std::move(root)), json_(&json), job_(std::move(job)), path_(std::move(path)) {}

void Request::fail(const std::string& what) const {
  throw Error(ErrorCode::kInternal, concat("[", job_, "] ", path_.empty() ? "the request" : "\"" + path_ + "\"", what),
              "This is a fault of the program, not of what it was given.");
}

template <typename Read>
auto Request::read(Read body) const {
  try {
    auto value = body(*json_);
    read_ = true;
    return value;
  } catch (const Error& error) {
    fail(concat(": ", error.what()));
  }
}

const Request* Request::find(std::string_view key) const {
  if (!json_->is_object()) fail(" is no object");
  const auto known = members_.find(key);
  if (known != members_.end()) return known->second->json_->is_null() ? nullptr : known->second.get();
  for (const Json::Member& member : json_->as_object()) {
    if (member.first != key) continue;
    std::string path = path_.empty() ? member.first : path_ + "." + member.first;
    std::unique_ptr<Request> child(new Request(root_, member.second, job_, std::move(path)));
    const Request* found = members_.emplace(member.first, std::move(child)).first->second.get();
    return found->json_->is_null() ? nullptr : found;
  }
  return nullptr;
}

const Request& Request::at(std::string_view key) const {
  const Request* value = find(key);
  if (!value) fail(concat(" lacks \"", key, "\""));
  return *value;
}

bool Request::as_bool() const {
  return read([](const Json& json) { return json.as_bool(); });
}

int64_t Request::as_int() const {
  return read([](const Json& json) { return json.as_int(); });
}

double Request::as_double() const {
  return read([](const Json& json) { return json.as_double(); });
}

const std::string& Request::as_string() const {
  return *read([](const Json& json) { return &json.as_string(); });
}

const std::vector<Request>& Request::as_array() const {
  if (elements_) return *elements_;
  const Json::Array& items = *read([](const Json& json) { return &json.as_array(); });
  elements_ = std::make_unique<std::vector<Request>>();
  elements_->reserve(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    elements_->push_back(Request(root_, items[i], job_, concat(path_, "[", i, "]")));
  }
  return *elements_;
}

std::vector<int64_t> Request::as_int_list() const {
  std::vector<int64_t> list;
  for (const Request& item : as_array()) list.push_back(item.as_int());
  return list;
}

std::vector<double> Request::as_double_list() const {
  std::vector<double> list;
  for (const Request& item : as_array()) list.push_back(item.as_double());
  return list;
}

std::vector<std::string> Request::as_string_list() const {
  std::vector<std::string> list;
  for (const Request& item : as_array()) list.push_back(item.as_string());
  return list;
}

const Json& Request::as_config() const {
  whole_ = true;
  return *json_;
}

void Request::check_all_read() const {
  if (whole_) return;
  if (elements_) {
    for (const Request& item : *elements_) item.check_all_read();
    return;
  }
  if (read_ || json_->is_null()) return;
  if (!json_->is_object()) fail(" was read by nobody");
  for (const Json::Member& member : json_->as_object()) {
    const auto known = members_.find(member.first);
    if (known == members_.end()) fail(concat(" has a key that nobody reads: \"", member.first, "\""));
    known->second->check_all_read();
  }
}

}  // namespace svg
