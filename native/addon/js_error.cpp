#include "addon/js_error.h"

namespace svg::addon {

Napi::Error to_js_error(Napi::Env env, const Error& error) {
  Napi::Error result = Napi::Error::New(env, error.what());
  result.Set("code", error_code_name(error.code()));
  result.Set("hint", error.hint());
  return result;
}

}  // namespace svg::addon
