// The engine's errors as JavaScript errors: message in one line, `code` and `hint` as properties.
#pragma once

#include <napi.h>

#include "core/error.h"

namespace svg::addon {

Napi::Error to_js_error(Napi::Env env, const Error& error);

/// Runs `body`; whatever C++ exception leaves it becomes a JavaScript one. Napi errors pass.
template <typename Body>
auto guarded(Napi::Env env, Body body) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw to_js_error(env, translate_current_exception());
  }
}

}  // namespace svg::addon
