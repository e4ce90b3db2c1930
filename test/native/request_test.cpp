// The strict reader of jobs: what is missing, of another kind or read by nobody is a fault of our own.
#include "core/request.h"

#include "check.h"

namespace svg {
namespace {

Request request_of(const char* text) { return {Json::parse(text), "paint"}; }

TEST_CASE("request: values are read by name, and all that was read is no fault") {
  const Request request = request_of(
      R"({"on": true, "steps": 4, "lr": 1, "name": "x", "sizes": [1, 2], "scales": [0.5, 1], "words": ["a"],
          "items": [{"seed": 1}, {"seed": 2}], "nothing": null, "parts": {"dit": {"path": "p"}}})");
  EXPECT(request.at("on").as_bool());
  EXPECT(request.at("steps").as_int() == 4);
  EXPECT(request.at("lr").as_double() == 1.0);
  EXPECT(request.at("name").as_string() == "x");
  EXPECT(request.at("sizes").as_int_list() == std::vector<int64_t>({1, 2}));
  EXPECT(request.at("scales").as_double_list() == std::vector<double>({0.5, 1}));
  EXPECT(request.at("words").as_string_list() == std::vector<std::string>({"a"}));
  int64_t sum = 0;
  for (const Request& item : request.at("items").as_array()) sum += item.at("seed").as_int();
  EXPECT(sum == 3);
  EXPECT(request.find("nothing") == nullptr);
  EXPECT(request.find("absent") == nullptr);
  EXPECT(request.at("parts").at("dit").at("path").as_string() == "p");
  request.check_all_read();
}

TEST_CASE("request: what is missing or of another kind names the job and the place") {
  const Request request = request_of(R"({"solver": {"steps": "four", "order": null}, "items": [1, {"seed": 1.5}]})");
  EXPECT_ERROR(request.at("guidance"), ErrorCode::kInternal, "[paint] the request lacks \"guidance\"");
  EXPECT_ERROR(request.at("solver").at("name"), ErrorCode::kInternal, "[paint] \"solver\" lacks \"name\"");
  EXPECT_ERROR(request.at("solver").at("order"), ErrorCode::kInternal, "lacks \"order\"");
  EXPECT_ERROR(request.at("solver").at("steps").as_int(), ErrorCode::kInternal, "\"solver.steps\"");
  EXPECT_ERROR(request.at("solver").as_array(), ErrorCode::kInternal, "expected an array");
  const std::vector<Request>& items = request.at("items").as_array();
  EXPECT_ERROR(items[0].at("seed"), ErrorCode::kInternal, "\"items[0]\" is no object");
  EXPECT_ERROR(items[1].at("seed").as_int(), ErrorCode::kInternal, "\"items[1].seed\"");
}

TEST_CASE("request: a key that nobody read is a fault, however deep") {
  const Request top = request_of(R"({"lr": 1, "lrr": 2})");
  top.at("lr").as_double();
  EXPECT_ERROR(top.check_all_read(), ErrorCode::kInternal, "\"lrr\"");

  const Request nested = request_of(R"({"solver": {"steps": 1, "setps": 2}})");
  nested.at("solver").at("steps").as_int();
  EXPECT_ERROR(nested.check_all_read(), ErrorCode::kInternal, "\"solver\" has a key that nobody reads: \"setps\"");

  const Request listed = request_of(R"({"items": [{"seed": 1}, {"seed": 2, "sead": 3}]})");
  for (const Request& item : listed.at("items").as_array()) item.at("seed").as_int();
  EXPECT_ERROR(listed.check_all_read(), ErrorCode::kInternal, "\"items[1]\"");

  // Looked for, but not read.
  const Request looked = request_of(R"({"cache": ["a"]})");
  EXPECT(looked.find("cache") != nullptr);
  EXPECT_ERROR(looked.check_all_read(), ErrorCode::kInternal, "\"cache\" was read by nobody");
  EXPECT_ERROR(request_of(R"({"dit": null})").check_all_read(), ErrorCode::kInternal, "\"dit\"");
}

TEST_CASE("request: a configuration of users goes on as a whole") {
  const Request request = request_of(R"({"model": {"dim": 8, "extra": [1, {"deep": true}]}})");
  EXPECT(request.at("model").as_config().at("dim").as_int() == 8);
  request.check_all_read();
}

}  // namespace
}  // namespace svg
